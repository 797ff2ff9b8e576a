"""What CloudWatch says of a load balancer and its target groups."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from core.aws import Aws
from core.balancer_metrics import PERIOD, query
from core.comparison import Answers, Minute
from steps.promote.figures import Metrics, Traffic

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef


def read_metrics(
    aws: Aws,
    *,
    load_balancer: str,
    ours: str,
    other: str | None,
    start: datetime,
    end: datetime,
    shared: bool = False,
    slow_seconds: float = 0,
) -> Metrics:
    """Sums over the whole minutes that began at `start` or later, and before `end`, as far as they are published.

    The minute that `start` lies in is not counted: a part of it belongs to what was before.
    The load balancer's own 5xx are not told by target group: of one that is `shared` they may be anybody's.
    `slow_seconds`: an answer that took longer is slow; 0: none is.
    """
    queries = [query("connections", "TargetConnectionErrorCount", load_balancer=load_balancer, target_group=ours)]
    if not shared:
        queries += [
            query("allrequests", "RequestCount", load_balancer=load_balancer),
            query("allerrors", "HTTPCode_ELB_5XX_Count", load_balancer=load_balancer),
        ]
    for side, group in (("", ours), *((("other", other),) if other else ())):
        queries += [
            query(f"{side}requests", "RequestCount", load_balancer=load_balancer, target_group=group),
            query(f"{side}errors", "HTTPCode_Target_5XX_Count", load_balancer=load_balancer, target_group=group),
            *(_slowness(side, load_balancer, group, slow_seconds) if slow_seconds else ()),
        ]
    found = _read(aws, queries, start=start, end=end)
    sums = {id_: round(sum(values.values())) for id_, values in found.items()}

    def traffic(requests: str, errors: str, *, beside: bool = False) -> Traffic:
        return Traffic(requests=sums.get(requests, 0), errors=sums.get(errors, 0), beside=beside)

    minutes = sorted(found.get("requests", {}))
    return Metrics(
        minutes=tuple(minutes),
        ours=traffic("requests", "errors"),
        other=traffic("otherrequests", "othererrors"),
        connections=traffic("requests", "connections", beside=True),
        balancer=traffic("allrequests", "allerrors", beside=True),
        errors={at: Minute(_failed(found, "", at), _failed(found, "other", at)) for at in minutes},
        slow={at: Minute(_slow(found, "", at), _slow(found, "other", at)) for at in minutes} if slow_seconds else {},
        others_slow=sum((_slow(found, "other", at) for at in found.get("otheranswers", {})), Answers()),
    )


def usual_seconds(aws: Aws, *, load_balancer: str, target_group: str, start: datetime, end: datetime) -> float:
    """What 95 % of the answers of a target group stayed under in the median minute; 0 when nothing is known."""
    asked = query(
        "usual", "TargetResponseTime", load_balancer=load_balancer, target_group=target_group, statistic="p95"
    )
    found = sorted(_read(aws, [asked], start=start, end=end).get("usual", {}).values())
    return found[len(found) // 2] if found else 0.0


Series = dict[str, dict[datetime, float]]  # query -> minute -> value


def _read(aws: Aws, queries: list[MetricDataQueryTypeDef], *, start: datetime, end: datetime) -> Series:
    found: Series = {}
    pages = aws.cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=_minute(start),
        EndTime=_minute(end) + PERIOD,
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            known = zip(result["Timestamps"], result["Values"], strict=True)
            found.setdefault(result["Id"], {}).update({at: value for at, value in known if start <= at < end})
    return found


def _failed(found: Series, side: str, at: datetime) -> Answers:
    total = found.get(f"{side}requests", {}).get(at, 0.0)
    return Answers(total, min(total, found.get(f"{side}errors", {}).get(at, 0.0)))


def _slow(found: Series, side: str, at: datetime) -> Answers:
    """Of a minute's answers those that took too long: a percentile rank is the share of those that did not."""
    total = found.get(f"{side}answers", {}).get(at, 0.0)
    quick = found.get(f"{side}quick", {}).get(at)
    return Answers() if quick is None else Answers(total, round(total * (1 - quick / 100)))


def _slowness(side: str, load_balancer: str, target_group: str, seconds: float) -> list[MetricDataQueryTypeDef]:
    # PR(:x) is the percentage of values of at most x (CloudWatch user guide, "CloudWatch statistics definitions").
    asked = ((f"{side}answers", "SampleCount"), (f"{side}quick", f"PR(:{seconds:.3f})"))
    return [
        query(id_, "TargetResponseTime", load_balancer=load_balancer, target_group=target_group, statistic=statistic)
        for id_, statistic in asked
    ]


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
