"""What a canary can see with the traffic that there is, and that the plan says it before anything moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plan import detection
from plan.config.settings import Settings
from plan.detection import LiveTraffic
from plan.report.sight_row import sight_rows
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

BUSY = LiveTraffic(per_second=40, error_share=0.001)


@pytest.mark.parametrize(("pause", "minutes"), [(0, 0), (1, 1), (180, 1), (299, 1), (300, 2), (3600, 57)])
def test_whole_minutes_that_are_known_when_a_pause_ends(pause: int, minutes: int) -> None:
    assert detection.whole_minutes(pause) == minutes


def test_more_minutes_and_more_traffic_see_less() -> None:
    [short] = detection.sights(BUSY, shares=[10], pause_seconds=420)
    [long] = detection.sights(BUSY, shares=[10], pause_seconds=1200)
    [busy] = detection.sights(replace(BUSY, per_second=4000), shares=[10], pause_seconds=420)
    assert short.rise and long.rise and busy.rise
    assert 0.001 < busy.rise < long.rise < short.rise < 0.03


def test_minutes_of_all_steps_count_together_and_one_alone_sees_nothing() -> None:
    first, second = detection.sights(BUSY, shares=[10, 50], pause_seconds=180)
    assert (first.minutes, first.rise) == (1, None)
    assert second.minutes == 2
    assert second.rise and second.rise < 0.05


def test_no_traffic_sees_nothing() -> None:
    for traffic in (LiveTraffic(per_second=0, error_share=0), LiveTraffic(per_second=0.05, error_share=0)):
        assert [one.rise for one in detection.sights(traffic, shares=[10], pause_seconds=600)] == [None]


def rows(traffic: LiveTraffic | None, **more: Any) -> list[tuple[str, str]]:
    given: Settings = settings(active="green", **more)
    state = live(group("blue"))
    plan = decide_rollout(given, recipe(), state, now=NOW)
    return sight_rows(given, plan, state, traffic)


def test_the_plan_says_what_its_canary_sees() -> None:
    [(key, told)] = rows(BUSY, canary_steps=(10, 50), canary_pause_seconds=420)
    assert key == "sees"
    assert told.startswith(
        "at 40 requests/s, 0.1 % of them 5xx (the last hour): by the end of 10 % (4 whole minutes) a rise to 1.9 %,"
        " by the end of 50 % (8 whole minutes) a rise to"
    )
    assert told.endswith("with 95 %, less is invisible")


def test_too_little_traffic_is_said_before_the_rollout() -> None:
    [_, (key, told)] = rows(LiveTraffic(per_second=0.01, error_share=0), canary_steps=(10,))
    assert key == "note"
    assert "this traffic is too little for these canary steps" in told
    [_, (key, told)] = rows(BUSY, canary_steps=(10, 50), canary_pause_seconds=180)
    assert "the step of 10 % ends before two whole minutes are known" in told
    assert "from canaryPauseSeconds 300 on there are two" in told


def test_a_canary_that_waits_for_no_metrics_sees_nothing() -> None:
    assert rows(BUSY, canary_pause_seconds=0) == [
        ("sees", "nothing: canaryPauseSeconds is 0, so its steps wait for no metrics")
    ]


def test_nothing_is_said_where_there_is_no_canary_or_nobody_knows_the_traffic() -> None:
    assert rows(BUSY, canary_steps=()) == []
    assert rows(None) == []
