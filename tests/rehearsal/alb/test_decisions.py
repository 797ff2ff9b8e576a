"""The decisions of the rehearsal's balancer, groups and alarms: pure, as tables."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal.alb.conditions import Request, UnknownCondition, condition
from rehearsal.alb.health import Outcome, matches, next_health
from rehearsal.alb.weighted_round_robin import WeightedRoundRobin
from rehearsal.autoscaling.termination_policy import Candidate, select_for_termination
from rehearsal.cloud.alarms import expression, points, statistic_of, verdict
from rehearsal.state.target_health import HEALTHY, INITIAL, REGISTERING, UNHEALTHY, Health

PASS = Outcome(passed=True)
FAIL = Outcome(passed=False, reason="Target.Timeout", description="Request timed out")


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("+", HEALTHY),
        ("-", INITIAL),
        ("-+", HEALTHY),
        ("---", UNHEALTHY),
        ("+--", HEALTHY),
        ("+---", UNHEALTHY),
        ("+--+--", HEALTHY),
        ("---+", UNHEALTHY),
        ("---++", HEALTHY),
        ("---+-+", UNHEALTHY),
    ],
)
def test_health_follows_the_thresholds(outcomes: str, state: str) -> None:
    health = REGISTERING
    for outcome in outcomes:
        health = next_health(health, PASS if outcome == "+" else FAIL, healthy_threshold=2, unhealthy_threshold=3)
    assert health.state == state


def test_unhealthy_keeps_the_reason_of_its_last_failure() -> None:
    sick = Health(state=UNHEALTHY, reason="Target.ResponseCodeMismatch", description="..")
    assert next_health(sick, FAIL, healthy_threshold=2, unhealthy_threshold=2).reason == "Target.Timeout"


@pytest.mark.parametrize(
    ("code", "matcher", "expected"),
    [(200, "200", True), (201, "200", False), (302, "200,302", True), (399, "200-399", True), (400, "200-399", False)],
)
def test_matcher(code: int, matcher: str, expected: bool) -> None:
    assert matches(code, matcher) is expected


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def header(*values: str) -> dict[str, Any]:
    config = {"HttpHeaderName": "X-Phoenix-Preview", "Values": list(values)}
    return {"Field": "http-header", "HttpHeaderConfig": config}


def host(*values: str) -> dict[str, Any]:
    return {"Field": "host-header", "Values": list(values)}


@pytest.mark.parametrize(
    ("data", "met"),
    [
        (path("/*"), True),
        (path("/A/b"), False),
        (path("/a/?"), True),
        (path("/x", "/a/*"), True),
        (path("/a"), False),
        (header("TOKEN-1"), True),
        (header("tok?n-*"), True),
        (header("token"), False),
        (host("WWW.example.com"), True),
        (host("*.example.org"), False),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}, True),
    ],
)
def test_condition(data: dict[str, Any], met: bool) -> None:
    request = Request(method="GET", path="/a/b", host="www.example.com", headers={"x-phoenix-preview": "token-1"})
    assert condition(data).matches(request) is met


def test_header_condition_is_not_met_without_the_header() -> None:
    assert not condition(header("*")).matches(Request(method="GET", path="/", host="", headers={}))


def test_condition_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownCondition, match="source-ip"):
        condition({"Field": "source-ip"})


def test_wheel_gives_each_group_its_share_of_any_hundred() -> None:
    wheel = WeightedRoundRobin((("green", 10), ("blue", 90), ("none", 0)))
    for _ in range(3):
        assert Counter(wheel.next() for _ in range(100)) == {"green": 10, "blue": 90}


def test_wheel_without_weight_chooses_nothing() -> None:
    assert WeightedRoundRobin((("green", 0),)).next() is None


def server(number: int, zone: str, **settings: Any) -> Candidate:
    return Candidate(id=f"i-{number}", zone=zone, launched=float(number), **settings)


@pytest.mark.parametrize(
    ("candidates", "surplus", "expected"),
    [
        ([server(1, "a"), server(2, "b")], 0, []),
        ([server(1, "a"), server(2, "a"), server(0, "b")], 1, ["i-1"]),
        ([server(1, "a"), server(2, "a", pending=True)], 1, ["i-2"]),
        ([server(1, "a", protected=True), server(2, "b")], 2, ["i-2"]),
        ([server(1, "a"), server(2, "a"), server(3, "b"), server(4, "b")], 2, ["i-1", "i-3"]),
    ],
)
def test_group_gives_up_the_right_servers(candidates: list[Candidate], surplus: int, expected: list[str]) -> None:
    assert select_for_termination(candidates, surplus=surplus) == expected


@pytest.mark.parametrize(
    ("points", "missing", "state"),
    [
        ([True, True], "missing", "ALARM"),
        ([True, False], "missing", "OK"),
        ([None, True], "missing", "OK"),
        ([None, None], "missing", "INSUFFICIENT_DATA"),
        ([None, None], "notBreaching", "OK"),
        ([None, True], "breaching", "ALARM"),
        ([None, None], "ignore", "before"),
    ],
)
def test_alarms_verdict(points: list[bool | None], missing: str, state: str) -> None:
    assert verdict(points, to_alarm=2, missing=missing, before="before") == state


@pytest.mark.parametrize(
    ("values", "count", "expected"),
    [
        # By minutes before the one that runs, which never counts.
        ({0: 9.0, 1: 1.0, 2: 2.0}, 2, [2.0, 1.0]),
        # They come late: the newest there are count, of three minutes ago too.
        ({3: 3.0, 4: 4.0}, 2, [4.0, 3.0]),
        ({3: 3.0}, 1, [3.0]),
        ({4: 4.0}, 1, [None]),
        ({2: 2.0, 5: 5.0}, 2, [None, 2.0]),
    ],
)
def test_an_alarm_counts_the_newest_minutes_that_are_over_and_there(
    values: dict[int, float], count: int, expected: list[float | None]
) -> None:
    now = datetime(2026, 1, 1, 12, 30, 20)
    running = datetime(2026, 1, 1, 12, 30)
    found = points(
        lambda begin: values.get(int((running - begin).total_seconds() // 60)),
        count=count,
        step=timedelta(minutes=1),
        now=now,
    )
    assert found == expected


@pytest.mark.parametrize(
    ("healthy", "requests", "expected"),
    [(2.0, 50.0, 0.0), (1.0, 50.0, 1.0), (4.0, 50.0, -2.0), (0.0, 0.0, 0.0), (None, 50.0, None), (1.0, None, None)],
)
def test_expression_that_counts_what_is_missing_with_traffic(
    healthy: float | None, requests: float | None, expected: float | None
) -> None:
    watched = expression(
        "IF(requests > 0, 2 - healthy, 0)", {"healthy": lambda _: healthy, "requests": lambda _: requests}
    )
    assert watched(datetime(2026, 1, 1)) == expected


@pytest.mark.parametrize(
    ("errors", "requests", "expected"), [(5.0, 50.0, 10.0), (None, 50.0, 0.0), (5.0, None, None), (None, 0.0, None)]
)
def test_error_rate_of_an_expression(errors: float | None, requests: float | None, expected: float | None) -> None:
    rate = expression("100 * FILL(errors, 0) / requests", {"errors": lambda _: errors, "requests": lambda _: requests})
    assert rate(datetime(2026, 1, 1)) == expected


@pytest.mark.parametrize(
    ("sick", "requests", "expected"), [(1.0, 50.0, 1.0), (1.0, 0.0, 0.0), (1.0, None, None), (0.0, 50.0, 0.0)]
)
def test_expression_that_counts_only_with_traffic(
    sick: float | None, requests: float | None, expected: float | None
) -> None:
    watched = expression("IF(requests > 0, sick, 0)", {"sick": lambda _: sick, "requests": lambda _: requests})
    assert watched(datetime(2026, 1, 1)) == expected


def test_expression_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="ANOMALY_DETECTION_BAND"):
        expression("ANOMALY_DETECTION_BAND(errors, 2)", {"errors": lambda _: 1.0})(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("p99", 99.0), ("p50", 50.0), ("p99.9", 100.0), ("PR(:40)", 40.0), ("PR(:0.5)", 0.0), ("tm90", None)],
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(statistic: str, expected: float | None) -> None:
    values = [float(number) for number in range(100, 0, -1)]
    data = [SimpleNamespace(values=part, value=0.0) for part in (values[:30], values[30:])]
    assert statistic_of(data, statistic) == expected
    assert statistic_of([], statistic) is None
