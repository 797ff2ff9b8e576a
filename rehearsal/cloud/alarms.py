"""CloudWatch alarms that ring: moto keeps them, and never looks at a metric.

Source: "Using Amazon CloudWatch alarms" (evaluation, missing data), "Using math expressions with CloudWatch metrics".
Unlike CloudWatch it looks several times a minute.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch.models import MetricAggregatedDatum
from moto.core.utils import utcnow

Series = Callable[[datetime], float | None]
"""A metric's (or an expression's) value in the period that begins at a time; None without data."""

_BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {ast.Gt: operator.gt, ast.Lt: operator.lt}


# CloudWatch looks at more periods than it evaluates, since data come late ("evaluation range").
LATE_PERIODS = 2


def evaluate(cloudwatch: Any, *, minute_seconds: int = 60) -> None:
    """Moves every metric alarm of moto's backend to the state that its data of now ask for.

    `minute_seconds`: how long a minute is here.
    """
    for alarm in list(cloudwatch.alarms.values()):
        if alarm.rule is not None or alarm.comparison_operator not in _BREACHES:
            continue
        values = _values(cloudwatch, alarm, minute_seconds)
        breaches = _BREACHES[alarm.comparison_operator]
        state = verdict(
            [None if value is None else breaches(value, float(alarm.threshold)) for value in values],
            to_alarm=int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
            missing=alarm.treat_missing_data or "missing",
            before=alarm.state_value,
        )
        if state != alarm.state_value:
            alarm.update_state(f"Threshold {alarm.threshold}: data points {values}", "{}", state)


def verdict(breaching: list[bool | None], *, to_alarm: int, missing: str, before: str) -> str:
    """The state for the data points of the evaluated periods; None is a period without data.

    `missing` is TreatMissingData: breaching, notBreaching, ignore or missing.
    """
    if missing in ("breaching", "notBreaching"):
        breaching = [missing == "breaching" if point is None else point for point in breaching]
    known = [point for point in breaching if point is not None]
    if sum(known) >= to_alarm:
        return "ALARM"
    if not known:
        return before if missing == "ignore" else "INSUFFICIENT_DATA"
    return "OK"


def _values(cloudwatch: Any, alarm: Any, minute_seconds: int) -> list[float | None]:
    """The data points that count, None for those that are missing; the oldest first."""
    series, seconds = _series(cloudwatch, alarm, minute_seconds)
    step = timedelta(seconds=seconds)
    return points(series, count=int(alarm.evaluation_periods), step=step, now=utcnow())


def points(series: Series, *, count: int, step: timedelta, now: datetime) -> list[float | None]:
    """So many data points of the periods of `step` that are over: real ones first, even if they are a little older."""
    newest = beginning(now, step) - step
    found = [series(newest - step * back) for back in range(count + LATE_PERIODS)]
    known = [value for value in found if value is not None][:count]
    return [*[None] * (count - len(known)), *reversed(known)]


def _series(cloudwatch: Any, alarm: Any, minute_seconds: int) -> tuple[Series, int]:
    def scaled(seconds: int) -> int:
        return seconds * minute_seconds // 60

    if not alarm.metric_data_queries:
        period = scaled(int(alarm.period))
        pairs = {(dimension.name, dimension.value) for dimension in alarm.dimensions}
        return _metric(cloudwatch, alarm.namespace, alarm.metric_name, pairs, alarm.statistic, period), period
    found: dict[str, Series] = {}
    period = scaled(60)
    for query in alarm.metric_data_queries:
        if query.metric_stat is not None:
            stat = query.metric_stat
            period = scaled(int(stat.period))
            pairs = {(dimension.name, dimension.value) for dimension in stat.metric.dimensions}
            found[query.id] = _metric(
                cloudwatch, stat.metric.namespace, stat.metric.metric_name, pairs, stat.stat, period
            )
    result = next(q for q in alarm.metric_data_queries if str(q.return_data).lower() != "false")
    if result.expression:
        return expression(result.expression, found), period
    return found[result.id], period


def _metric(
    cloudwatch: Any, namespace: str, name: str, pairs: set[tuple[str, str]], statistic: str, period: int
) -> Series:
    data = [
        datum
        for datum in cloudwatch.metric_data
        if datum.name == name
        and datum.namespace == namespace
        and {(d.name, d.value) for d in datum.dimensions} == pairs
    ]

    def value(begin: datetime) -> float | None:
        end = begin + timedelta(seconds=period)
        return statistic_of([datum for datum in data if begin <= datum.timestamp < end], statistic)

    return value


def statistic_of(data: list[Any], statistic: str) -> float | None:
    """None without data, and for statistics that this module does not know (trimmed means, ..).

    A percentile is the least value that so many percent of the values do not exceed; CloudWatch's is close to that. A
    percentile rank, PR(:x), is the percentage of the values that are at most x.
    """
    if re.fullmatch(r"p\d{1,2}(\.\d+)?", statistic):
        values = sorted(value for datum in data for value in getattr(datum, "values", ()))
        return values[max(math.ceil(len(values) * float(statistic[1:]) / 100) - 1, 0)] if values else None
    if rank := re.fullmatch(r"PR\(:(\d+(?:\.\d+)?)\)", statistic):
        values = [value for datum in data for value in getattr(datum, "values", ())]
        return 100 * sum(value <= float(rank[1]) for value in values) / len(values) if values else None
    rows = [
        (d.sum, d.sample_count, d.min, d.max)
        if isinstance(d, MetricAggregatedDatum)
        else (d.value, 1, d.value, d.value)
        for d in data
    ]
    if not rows:
        return None
    total, count = sum(row[0] for row in rows), sum(row[1] for row in rows)
    known = {
        "Sum": total,
        "SampleCount": count,
        "Average": total / count if count else None,
        "Minimum": min(row[2] for row in rows),
        "Maximum": max(row[3] for row in rows),
    }
    return known.get(statistic)


def expression(text: str, metrics: Mapping[str, Series]) -> Series:
    """Metric math as far as the program's alarms need it: numbers, ids, + - * / < >, FILL(metric, number) and IF.

    Raises ValueError for anything else when it is evaluated.
    """
    tree = ast.parse(text, mode="eval").body

    def value(begin: datetime) -> float | None:
        return _compute(tree, {name: series(begin) for name, series in metrics.items()})

    return value


def _compute(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[metric, default]):
            filled = _compute(metric, values)
            return _compute(default, values) if filled is None else filled
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            holds = _compute(condition, values)
            return None if holds is None else _compute(yes if holds else no, values)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            one, other = _compute(left, values), _compute(right, values)
            return None if one is None or other is None else float(_COMPARISONS[type(op)](one, other))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            one, other = _compute(left, values), _compute(right, values)
            if one is None or other is None or (isinstance(op, ast.Div) and other == 0):
                return None
            return _ARITHMETIC[type(op)](one, other)
    raise ValueError(f"the rehearsal's CloudWatch does not know this in an expression: {ast.unparse(node)}")


def beginning(time: datetime, step: timedelta) -> datetime:
    """When the period that a time (UTC) lies in began."""
    return time - (time - datetime(1970, 1, 1, tzinfo=time.tzinfo)) % step
