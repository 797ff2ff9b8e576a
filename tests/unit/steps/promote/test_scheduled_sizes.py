"""AWS gives the group that serves other sizes at set times, also while traffic moves; whoever takes over has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core.errors import StepError
from steps.promote.promote import promote
from tests.unit.steps.cloud import REGION, Balancer, World
from tests.unit.steps.promote.flipping import Flipping
from tests.unit.steps.promote.test_growth import size, sizes_at_moves


@pytest.fixture
def scheduled(alb: Balancer) -> Iterator[Flipping]:
    """Blue is live with 4 to 10 servers since the morning; green was made with 2 to 20, and verified with 4."""
    with mock_aws():
        flipping = Flipping(World(boto3.Session("testing", "testing", region_name=REGION), alb.port))
        sized(flipping, "green", minimum=4, maximum=20)
        sized(flipping, "blue", minimum=4, maximum=10)
        yield flipping


def sized(flipping: Flipping, color: str, *, minimum: int, maximum: int) -> None:
    """As a scheduled action does it: what is outside the sizes comes in."""
    flipping.world.aws.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=getattr(flipping, color).group, MinSize=minimum, MaxSize=maximum
    )


def sizes(flipping: Flipping, color: str) -> tuple[int, int]:
    found = flipping.world.scaling(getattr(flipping, color).group)
    return found["MinSize"], found["MaxSize"]


def given(flipping: Flipping, **more: Any) -> Any:
    return flipping.given(**{"scheduled": True, "min_size": 2, **more})


def test_whoever_takes_over_has_the_sizes_of_the_one_before_it(scheduled: Flipping) -> None:
    promote(given(scheduled), scheduled.world.context())
    assert sizes(scheduled, "green") == sizes(scheduled, "blue") == (4, 10)


def test_without_a_schedule_the_settings_say_them(scheduled: Flipping) -> None:
    promote(given(scheduled, scheduled=False), scheduled.world.context())
    assert sizes(scheduled, "green") == (2, 20)


def test_a_time_that_comes_in_the_middle_counts_for_both_groups(scheduled: Flipping) -> None:
    found = sizes_at_moves(scheduled)
    scheduled.world.clock.at(30, lambda: sized(scheduled, "blue", minimum=8, maximum=16))

    promote(given(scheduled), scheduled.world.context())

    assert found == [(10, 4, 4), (50, 8, 8), (100, 8, 8)], "users of the morning have the servers of the morning"
    assert sizes(scheduled, "green") == sizes(scheduled, "blue") == (8, 16)


def test_what_goes_back_leaves_the_sizes_that_a_time_has_set_meanwhile(scheduled: Flipping) -> None:
    scheduled.alarm("ours")
    scheduled.world.clock.at(30, lambda: sized(scheduled, "blue", minimum=8, maximum=16))
    scheduled.world.clock.at(90, lambda: scheduled.alarm("ours", "ALARM"))

    with pytest.raises(StepError):
        promote(given(scheduled, alarms=("ours",)), scheduled.world.context())

    assert sizes(scheduled, "blue") == (8, 16)
    assert sizes(scheduled, "green")[0] == 2


def test_a_canary_that_is_held_keeps_sizes_of_its_own(scheduled: Flipping) -> None:
    promote(given(scheduled, traffic=10, canary_steps=()), scheduled.world.context())
    assert (sizes(scheduled, "green"), sizes(scheduled, "blue")) == ((2, 20), (4, 10))


def test_the_first_group_of_all_has_the_sizes_of_the_settings(alb: Balancer) -> None:
    with mock_aws():
        flipping = Flipping(World(boto3.Session("testing", "testing", region_name=REGION), alb.port), live=False)
        sized(flipping, "green", minimum=2, maximum=20)
        promote(given(flipping), flipping.world.context())
        assert sizes(flipping, "green") == (2, 20)
        assert size(flipping, "green") == 2
