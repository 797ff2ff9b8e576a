"""promote at CloudWatch's pace: what it waits for, what it does blind, and whose minutes count."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import StepError
from steps.promote.promote import promote
from tests.unit.steps.promote.flipping import LATE, MINUTE, Flipping


def moved(flipping: Flipping) -> list[float]:
    """When weights are set, in seconds of the step's clock; filled while it runs."""
    times: list[float] = []
    flipping.on_move = lambda: times.append(flipping.world.clock.passed)
    return times


def shown(flipping: Flipping, since: float) -> float:
    """When CloudWatch shows the first minute that began since a time, in seconds of the step's clock."""
    clock = flipping.world.clock
    began = (clock.began + timedelta(seconds=since)).replace(second=0, microsecond=0) + MINUTE
    return (began + MINUTE + LATE - clock.began).total_seconds()


def test_no_more_traffic_moves_and_it_does_not_end_before_a_whole_minute_is_seen(flipping: Flipping) -> None:
    times = moved(flipping)

    result = promote(flipping.given(canary_pause_seconds=1, soak_seconds=1, drain_seconds=1), flipping.world.context())

    assert len(times) == 3
    for since, until in zip(times, [*times[1:], flipping.world.clock.passed], strict=True):
        assert shown(flipping, since) <= until <= shown(flipping, since) + 10
    said = flipping.world.said()
    assert "waiting for CloudWatch's first whole minute at these weights (it comes a minute or two after it" in said
    assert "blind at" not in said
    assert "0 moves blind" in said
    assert "blind=0" in str(result["releases"])


def test_a_pause_that_is_long_enough_is_not_made_longer(flipping: Flipping) -> None:
    times = moved(flipping)

    promote(flipping.given(canary_steps=(10,), canary_pause_seconds=300, soak_seconds=300), flipping.world.context())

    assert 300 <= times[1] - times[0] <= 306
    assert "waiting for CloudWatch" not in flipping.world.said()


def test_who_asks_for_no_pause_moves_on_blind_and_is_told(flipping: Flipping) -> None:
    result = promote(flipping.given(canary_pause_seconds=0, soak_seconds=0, drain_seconds=0), flipping.world.context())

    assert flipping.world.clock.passed < 60
    said = flipping.world.said()
    for weights in ("green 10 %, blue 90 %", "green 50 %, blue 50 %", "green 100 %, blue 0 %"):
        assert f"moved on blind at {weights}: CloudWatch has shown no whole minute at these weights, and the" in said
    assert "the settings ask for no pause" in said
    assert "blind=3" in str(result["releases"])


def test_without_canary_steps_it_ends_blind_and_says_so(flipping: Flipping) -> None:
    promote(flipping.given(canary_steps=()), flipping.world.context())

    assert "moved on blind at green 100 %, blue 0 %: " in flipping.world.said()
    assert "and there are no canary steps" in flipping.world.said()


def test_what_the_load_balancer_answered_in_the_minute_of_another_attempt_is_not_this_one_s(flipping: Flipping) -> None:
    """The one before went back a moment ago: its users' errors are in the minute in which this one begins."""
    flipping.measured("HTTPCode_ELB_5XX_Count", 500)
    flipping.measured("RequestCount", 100, color="green")
    flipping.measured("HTTPCode_Target_5XX_Count", 90, color="green")
    flipping.measured("TargetConnectionErrorCount", 90, color="green")

    promote(flipping.given(), flipping.world.context())

    assert flipping.world.weights()[flipping.green.target_group] == 100


def test_a_server_that_is_replaced_holds_the_next_step_and_takes_nothing_back(flipping: Flipping) -> None:
    times = moved(flipping)
    world, target_group = flipping.world, flipping.green.target_group
    # One is ill soon after the canary has begun, another boots and is unhealthy meanwhile.
    world.clock.at(
        30,
        lambda: world.health.update(
            {
                target_group: [
                    ("i-1", "healthy", "", ""),
                    ("i-2", "draining", "", ""),
                    ("i-3", "unhealthy", "Target.FailedHealthChecks", ""),
                ]
            }
        ),
    )
    world.clock.at(450, lambda: world.health.pop(target_group))

    promote(flipping.given(replacement_seconds=600), world.context())

    assert 450 <= times[1] < 460
    assert "waiting for a replacement: 1 of 2 servers are healthy; then 50 %" in world.said()


def test_servers_that_are_more_than_needed_may_be_unhealthy(flipping: Flipping) -> None:
    """A group that grows: the new ones boot, and the load balancer calls them unhealthy until they answer."""
    world, target_group = flipping.world, flipping.green.target_group
    world.clock.at(
        30,
        lambda: world.health.update(
            {
                target_group: [
                    *((f"i-{n}", "healthy", "", "") for n in (1, 2)),
                    *((f"i-{n}", "unhealthy", "Target.FailedHealthChecks", "") for n in (3, 4, 5, 6)),
                ]
            }
        ),
    )

    promote(flipping.given(replacement_seconds=60), world.context())

    assert len(flipping.moves) == 3


def test_a_server_that_nothing_replaces_sends_traffic_back(flipping: Flipping) -> None:
    world, target_group = flipping.world, flipping.green.target_group
    world.clock.at(30, lambda: world.health.update({target_group: [("i-1", "healthy", "", "")]}))

    with pytest.raises(StepError) as error:
        promote(flipping.given(replacement_seconds=600), world.context())

    assert "1 of 2 servers are healthy: too few for 60" in str(error.value)
    assert "and a replacement takes 600 s" in str(error.value)
    assert flipping.moves == [{"green": 10, "blue": 90}, {"blue": 100}]
