"""What CloudWatch answers, minute by minute: what of it counts for which group, and which of it is slow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from core.aws import Aws
from core.comparison import Answers, Minute
from steps.promote import metrics

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ONE, TWO = NOON, NOON + timedelta(minutes=1)
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1"
GREEN, BLUE = (
    f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{color}/1" for color in ("green", "blue")
)


class Told:
    """CloudWatch, which answers each (metric, statistic, group) by minute, and what it was asked."""

    def __init__(self, known: dict[tuple[str, str, str], dict[datetime, float]]) -> None:
        self.known = known
        self.asked: set[tuple[str, str, str]] = set()

    def get_paginator(self, _: str) -> Told:
        return self

    def paginate(self, *, MetricDataQueries: list[dict[str, Any]], **_: object) -> list[dict[str, Any]]:  # noqa: N803
        results = []
        for query in MetricDataQueries:
            stat = query["MetricStat"]
            where = {one["Name"]: one["Value"] for one in stat["Metric"]["Dimensions"]}
            group = where.get("TargetGroup", "").split("/")[1:2]
            key = (stat["Metric"]["MetricName"], stat["Stat"], *(group or [""]))
            self.asked.add(key)
            found = self.known.get(key, {})
            results.append({"Id": query["Id"], "Timestamps": list(found), "Values": list(found.values())})
        # CloudWatch splits what it answers over pages as it likes.
        return [{"MetricDataResults": results[::2]}, {"MetricDataResults": results[1::2]}]


def read(told: Told, **more: Any) -> Any:
    aws = cast(Aws, SimpleNamespace(cloudwatch=told))
    return metrics.read_metrics(
        aws, load_balancer=BALANCER, ours=GREEN, other=BLUE, start=NOON, end=NOON + timedelta(minutes=2), **more
    )


def test_each_minute_has_what_both_groups_answered_in_it() -> None:
    told = Told(
        {
            ("RequestCount", "Sum", "green"): {NOON - timedelta(minutes=1): 50, ONE: 10, TWO: 20},
            ("HTTPCode_Target_5XX_Count", "Sum", "green"): {TWO: 3},
            ("RequestCount", "Sum", "blue"): {ONE: 90},
            ("HTTPCode_Target_5XX_Count", "Sum", "blue"): {ONE: 1},
            ("TargetResponseTime", "SampleCount", "green"): {ONE: 8},
            ("TargetResponseTime", "PR(:0.250)", "green"): {ONE: 75},
            ("TargetResponseTime", "SampleCount", "blue"): {ONE: 90},
            ("TargetResponseTime", "PR(:0.250)", "blue"): {ONE: 100},
        }
    )

    found = read(told, slow_seconds=0.25)

    assert found.errors == {
        ONE: Minute(Answers(10, 0), Answers(90, 1)),
        TWO: Minute(Answers(20, 3), Answers()),
    }
    assert found.slow == {ONE: Minute(Answers(8, 2), Answers(90, 0)), TWO: Minute(Answers(), Answers())}
    assert found.others_slow == Answers(90, 0)
    assert (found.ours.requests, found.ours.errors, found.minutes) == (30, 3, (ONE, TWO))


def test_nothing_is_asked_of_answers_that_may_take_any_time() -> None:
    told = Told({("RequestCount", "Sum", "green"): {ONE: 10}})

    assert read(told).slow == {}
    assert not [key for key in told.asked if key[0] == "TargetResponseTime"]


def test_what_is_usual_is_the_median_minute_s() -> None:
    p95 = {NOON + timedelta(minutes=number): seconds for number, seconds in enumerate((0.2, 9.0, 0.3))}
    aws = cast(Aws, SimpleNamespace(cloudwatch=Told({("TargetResponseTime", "p95", "blue"): p95})))
    span = {"start": NOON, "end": NOON + timedelta(minutes=3)}

    assert metrics.usual_seconds(aws, load_balancer=BALANCER, target_group=BLUE, **span) == 0.3
    assert metrics.usual_seconds(aws, load_balancer=BALANCER, target_group=GREEN, **span) == 0
