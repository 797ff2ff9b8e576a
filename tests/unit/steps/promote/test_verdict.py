"""When a group with production traffic does well, and when traffic must go back: case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.comparison import Answers, Minute
from steps.promote import compared
from steps.promote import verdict as watch
from steps.promote.figures import Metrics, Traffic
from steps.promote.verdict import Observation

WELL = Observation(healthy=2, needed=2)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ours(errors: int, requests: int, *, other: float = 0.0, before: float = 0.0) -> Observation:
    """5xx among requests to us, who have all of the traffic; `other` and `before`: the other group's share of late."""
    return replace(
        WELL,
        alone=True,
        since=NOON,
        now=Metrics(
            ours=Traffic(requests=requests, errors=errors),
            other=Traffic(requests=1000, errors=round(1000 * other)),
            errors={NOON: Minute(Answers(requests, errors), Answers())},
        ),
        before=Metrics(other=Traffic(requests=1000, errors=round(1000 * before))),
    )


def shared(*ours: int, slow: bool = False) -> Observation:
    """So many of 240 requests to us failed (or were slow) in each minute, and 2 of 2160 to the others."""
    minutes = {
        NOON + timedelta(minutes=number): Minute(Answers(240, failed), Answers(2160, 2))
        for number, failed in enumerate(ours)
    }
    well = {at: Minute(Answers(240, 0), Answers(2160, 2)) for at in minutes}
    return replace(
        WELL,
        since=NOON,
        minutes=len(minutes),
        slow_seconds=0.25,
        now=Metrics(minutes=tuple(minutes), errors=well if slow else minutes, slow=minutes if slow else well),
        before=Metrics(other=Traffic(requests=24_000, errors=24), others_slow=Answers(24_000, 24)),
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
        (ours(4, 4), ""),
        (ours(1, 20), ""),
        (ours(10, 1000), ""),
        (ours(20, 1000), "20 of 1000 requests to the new servers ended in a 5xx (2.0%; the others had 0.0%)"),
        # What the others had too is not the new servers' fault.
        (ours(20, 1000, other=0.015), ""),
        (ours(20, 1000, before=0.015), ""),
        (ours(40, 1000, other=0.015), "the others had 1.5%"),
        # While others have traffic too, the same minutes are compared: one unlucky minute is none.
        (shared(0, 0, 1, 0, 2, 0), ""),
        (shared(0, 240), ""),
        (shared(0, 12, 12),
         "24 of 720 requests to the new servers ended in a 5xx (3.33%), and 6 of 6480 to the others (0.09%) in the same"
         " 3 minutes: more than chance explains"),
        (shared(12, 12, 12, slow=True), ""),
        (shared(72, 72, 72, slow=True),
         "216 of 720 requests to the new servers took longer than 250 ms (30.00%), and 6 of 6480 to the others"),
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
    seen = shared(0, 7, slow=True)
    seen = replace(seen, now=replace(seen.now, ours=Traffic(requests=480)))
    assert watch.summary(seen).endswith("5xx 0 of 480 requests in 2 whole minutes, 7 slower than 250 ms")


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


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        (WELL, False),
        (shared(0), False),
        (shared(0, 0), False),
        (shared(0, 0, 0), True),
        (shared(0, 0, 0, slow=True), True),
        (shared(4, 3, 4), False),
        (shared(48, 48, 48, slow=True), False),
        (replace(shared(0, 0, 0), healthy=1), False),
        (replace(shared(0, 0, 0), failed=1), False),
        # Minutes at other weights, or of one question alone, are not enough.
        (replace(shared(0, 0, 0), since=NOON + timedelta(minutes=2)), False),
        (replace(shared(0, 0, 0), now=replace(shared(0, 0, 0).now, slow={})), False),
    ],
)
def test_a_pause_is_cut_short_by_several_minutes_that_are_as_good_as_the_others(seen: Observation, known: bool) -> None:
    assert watch.is_known_good(seen) is known


def test_what_looks_bad_and_may_be_chance_is_told() -> None:
    assert not compared.doubt(watch.comparisons(shared(0, 1)))
    assert compared.doubt(watch.comparisons(shared(0, 8))) == (
        "more minutes: 8 of 480 requests to the new servers ended in a 5xx (1.67%), and 4 of 4320 to the others (0.09%)"
        " in the same 2 minutes, which may be chance (evidence 10 of 100)"
    )


@pytest.mark.parametrize(
    ("usual", "limit", "slow"),
    [
        (0.0, 5000, 0.0),  # nobody knows
        (0.3, 0, 0.0),  # any time is allowed
        (0.3, 5000, 0.6),
        (0.004, 5000, 0.1),  # nobody feels it
        (4.0, 5000, 5.0),  # the user's limit
        (0.004, 50, 0.05),
    ],
)
def test_slow_is_twice_what_is_usual_and_never_more_than_the_users_limit(usual: float, limit: int, slow: float) -> None:
    assert compared.slow_after(usual, limit_milliseconds=limit) == slow
