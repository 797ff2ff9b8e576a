"""When a group with production traffic does well, and when traffic must go back: case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steps.promote import verdict as watch
from steps.promote.verdict import Metrics, Observation, Traffic

WELL = Observation(healthy=2, needed=2)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ours(errors: int, requests: int, *, other: float = 0.0, before: float = 0.0) -> Observation:
    """An observation of 5xx among requests to us; `other` and `before`: the other group's share now and before."""
    return replace(
        WELL,
        now=Metrics(
            ours=Traffic(requests=requests, errors=errors), other=Traffic(requests=1000, errors=round(1000 * other))
        ),
        before=Metrics(other=Traffic(requests=1000, errors=round(1000 * before))),
    )


def beside(kind: str, errors: int, requests: int, *, before: int = 0) -> Observation:
    taken: dict[str, Any] = {kind: Traffic(requests=requests, errors=errors, beside=True)}
    now = Metrics(**taken)
    return replace(WELL, now=now, before=Metrics(balancer=Traffic(requests=1000, errors=before, beside=True)))


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (WELL, ""),
        (replace(WELL, in_alarm=("site-5xx", "latency")), "in ALARM: site-5xx, latency"),
        (replace(WELL, healthy=1), ""),
        (replace(WELL, healthy=0), "only 0 of 2 servers are healthy"),
        (replace(WELL, healthy=2, needed=5), "only 2 of 5 servers are healthy"),
        # A server is replaced, as long as that takes and no longer.
        (replace(WELL, healthy=1, short=300, replaced_in=300), ""),
        (replace(WELL, healthy=1, short=301, replaced_in=300),
         "1 of 2 servers are healthy: too few for 301 s, and a replacement takes 300 s"),
        (replace(WELL, failed=2, why="answered 500"), ""),
        (replace(WELL, failed=3, why="answered 500"), "3 probes in a row failed: answered 500"),
        (ours(19, 19), ""),
        (ours(1, 100), ""),
        (ours(2, 100), "2 of 100 requests to the new servers ended in a 5xx (2.0%; the others have 0.0%)"),
        # What the others have too is not the new servers' fault.
        (ours(2, 100, other=0.015), ""),
        (ours(2, 100, before=0.015), ""),
        (ours(4, 100, other=0.015), "the others have 1.5%"),
        (beside("connections", 4, 100), ""),
        (beside("connections", 5, 1000), ""),
        (beside("connections", 20, 1000), "could not connect to the new servers 20 times"),
        (beside("balancer", 4, 10), ""),
        (beside("balancer", 5, 1000), ""),
        (beside("balancer", 50, 950), "itself answered 5xx to 50 of 1000 requests (5.0%; before it was 0.0%)"),
        (beside("balancer", 50, 950, before=60), ""),
        # Not one request found a server.
        (beside("balancer", 5, 0), "itself answered 5xx to 5 of 5 requests"),
    ],
)  # fmt: skip
def test_a_bad_sign_sends_traffic_back(seen: Observation, reason: str) -> None:
    verdict = watch.reason_to_go_back(seen)

    assert reason in verdict
    assert bool(reason) == bool(verdict)


def test_a_look_is_told_in_one_line() -> None:
    assert watch.summary(WELL) == "2 of 2 servers healthy, probes answer, no request metrics yet"
    seen = replace(ours(1, 200), failed=1, why="answered 503")
    seen = replace(seen, now=replace(seen.now, minutes=(NOON, NOON + timedelta(minutes=1))))
    assert watch.summary(seen) == (
        "2 of 2 servers healthy, probe failed: answered 503, 5xx 1 of 200 requests in 2 whole minutes"
    )


@pytest.mark.parametrize(
    ("seen", "metrics", "lacks"),
    [
        (WELL, False, ""),
        (WELL, True, "CloudWatch's first whole minute at these weights (it comes a minute or two after it has passed)"),
        (replace(WELL, minutes=1), True, ""),
        # With fewer servers than are needed nobody gets more traffic, whatever CloudWatch says.
        (replace(WELL, healthy=1, minutes=1), False, "a replacement: 1 of 2 servers are healthy"),
    ],
)
def test_what_must_be_known_before_more_traffic_moves(seen: Observation, metrics: bool, lacks: str) -> None:
    assert watch.what_is_unknown(seen, metrics=metrics) == lacks
