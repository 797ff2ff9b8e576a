"""A group that gets its servers with its traffic: enough before each share, all before 100 %, never at users' cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import server_groups
from core.errors import StepError
from steps.promote.promote import promote
from tests.unit.steps.cloud import REGION, Balancer, World
from tests.unit.steps.promote.flipping import Flipping

STEPS = (5, 25, 50)


@pytest.fixture
def hundred(alb: Balancer) -> Iterator[Flipping]:
    """Blue is live with 100 servers, and green has two."""
    with mock_aws():
        yield of_hundred(World(boto3.Session("testing", "testing", region_name=REGION), alb.port))


def of_hundred(world: World) -> Flipping:
    flipping = Flipping(world)
    for color, size in (("blue", 100), ("green", 2)):
        world.aws.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=getattr(flipping, color).group, MaxSize=200, MinSize=size, DesiredCapacity=size
        )
    flipping.calls.clear()
    return flipping


def size(flipping: Flipping, color: str) -> int:
    return int(flipping.world.scaling(getattr(flipping, color).group)["DesiredCapacity"])


def sizes_at_moves(flipping: Flipping) -> list[tuple[int, int, int]]:
    """Of each move: the share of green, and how many servers green and blue had."""
    found: list[tuple[int, int, int]] = []
    flipping.on_move = lambda: found.append(
        (flipping.moves[-1]["green"], size(flipping, "green"), size(flipping, "blue"))
    )
    return found


def given(flipping: Flipping, **more: Any) -> Any:
    return flipping.given(**{"proportional": True, "canary_steps": STEPS, "min_size": 2, **more})


@pytest.mark.parametrize(
    ("live", "share", "servers"),
    [
        (100, 5, 6),
        (100, 25, 26),
        (100, 100, 100),
        (2, 10, 2),
        (4, 10, 2),
        (3, 50, 3),
        (1, 10, 1),
        (0, 10, 0),
        (100, 0, 1),
    ],
)
def test_a_share_needs_its_servers_and_one_more(live: int, share: int, servers: int) -> None:
    assert server_groups.servers_for_share(live, share) == servers


def test_each_share_has_its_servers_before_it_moves_and_the_live_group_keeps_its_own(hundred: Flipping) -> None:
    found = sizes_at_moves(hundred)

    promote(given(hundred), hundred.world.context())

    assert found == [(5, 6, 100), (25, 26, 100), (50, 51, 100), (100, 100, 100)]
    assert hundred.minimum("green") == 2
    assert hundred.minimum("blue") == 100


def test_by_default_all_servers_are_there_before_any_traffic(hundred: Flipping) -> None:
    found = sizes_at_moves(hundred)

    promote(given(hundred, proportional=False), hundred.world.context())

    assert [one[1] for one in found] == [100] * 4


def test_a_live_group_that_grows_meanwhile_counts_with_what_it_has_then(hundred: Flipping) -> None:
    found = sizes_at_moves(hundred)
    scaling = hundred.world.aws.autoscaling
    hundred.world.clock.at(
        60,
        lambda: scaling.update_auto_scaling_group(AutoScalingGroupName=hundred.blue.group, DesiredCapacity=120),
    )

    promote(given(hundred), hundred.world.context())

    assert found == [(5, 6, 100), (25, 31, 120), (50, 61, 120), (100, 120, 120)]


def test_what_was_killed_while_it_grew_goes_on_from_there(hundred: Flipping) -> None:
    """At 25 %, with the servers of 50 % half launched: none is asked for twice, and none is taken away."""
    hundred.put({"green": 25, "blue": 75})
    short = hundred.green.target_group.partition(":targetgroup/")[2]
    blue = hundred.blue.target_group.partition(":targetgroup/")[2]
    hundred.world.aws.elbv2.add_tags(
        ResourceArns=[hundred.world.production_rule],
        Tags=[{"Key": "phoenix:before", "Value": f"to={short} {blue}=100 min=100"}],
    )
    hundred.world.aws.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=hundred.green.group, MinSize=40, DesiredCapacity=40
    )
    found = sizes_at_moves(hundred)

    promote(given(hundred), hundred.world.context())

    assert found == [(50, 51, 100), (100, 100, 100)]
    assert hundred.minimum("green") == 2


def refused(flipping: Flipping, message: str, *, at: int) -> None:
    """AWS launches no server beyond `at` of green's."""
    world = flipping.world
    world.health[flipping.green.target_group] = [(f"i-{number}", "healthy", "", "") for number in range(at)]
    described = world.aws.autoscaling.describe_auto_scaling_groups

    def groups(**asked: Any) -> Any:
        answer = described(**asked)
        for one in answer["AutoScalingGroups"]:
            if one["AutoScalingGroupName"] == flipping.green.group:
                one["Instances"] = one["Instances"][:at]
                if one["DesiredCapacity"] > at:
                    world.failures = [("refused", message)]
        return answer

    scaling: Any = world.aws.autoscaling
    scaling.answers["describe_auto_scaling_groups"] = groups


@pytest.mark.parametrize(
    ("message", "least", "most"),
    [
        ("We currently do not have sufficient t3.small capacity in the Availability Zone", 120, 200),
        ("You are not authorized to perform this operation.", 0, 60),
    ],
)
def test_servers_that_aws_refuses_take_the_traffic_back_with_the_reason(
    hundred: Flipping, message: str, least: int, most: int
) -> None:
    refused(hundred, message, at=26)
    since: list[float] = []
    hundred.on_move = lambda: since.append(hundred.world.clock.passed)

    with pytest.raises(StepError) as error:
        promote(given(hundred, canary_pause_seconds=60, replacement_seconds=120), hundred.world.context())

    assert [move.get("green", 0) for move in hundred.moves] == [5, 25, 0]
    text = f"{error.value}"
    assert "the new group can't get the servers that its next share of the traffic needs" in text
    assert f"a launch failed: {message}" in text
    assert "set canaryCapacity to full" in text
    assert "production traffic is back: blue 100 %" in text
    assert size(hundred, "blue") == 100
    # After the pause at 25 %, which CloudWatch's first minute ends.
    assert least <= since[2] - since[1] - 130 <= most + 120


def test_the_share_that_is_there_is_watched_while_servers_come(hundred: Flipping) -> None:
    """An alarm rings in the midst of the growth: it waits for no server."""
    hundred.alarm("orders")
    refused(hundred, "We currently do not have sufficient t3.small capacity", at=26)

    def grows() -> None:
        if len(hundred.moves) == 2:
            hundred.world.clock.at(hundred.world.clock.passed + 400, lambda: hundred.alarm("orders", "ALARM"))

    hundred.on_move = grows

    with pytest.raises(StepError, match="in ALARM: orders"):
        promote(given(hundred, replacement_seconds=6000, alarms=("orders",)), hundred.world.context())


def server_seconds(flipping: Flipping, **more: Any) -> float:
    """What green's servers add up to from the first second of promote to its last; here they boot in no time."""
    clock, total = flipping.world.clock, 0.0
    sleep = clock.sleep

    def counted(seconds: float) -> None:
        nonlocal total
        before, servers = clock.passed, size(flipping, "green")
        sleep(seconds)
        total += (clock.passed - before) * servers

    clock.sleep = counted  # type: ignore[method-assign]
    promote(given(flipping, soak_seconds=0, drain_seconds=0, settle_seconds=0, **more), flipping.world.context())
    return total


def test_a_hundred_servers_in_canary_take_less_than_a_third_of_a_full_group(hundred: Flipping) -> None:
    taken = server_seconds(hundred, canary_pause_seconds=300)

    full = 100 * hundred.world.clock.passed
    assert full > 3 * 300 * 100
    # The last move has all of them, and CloudWatch is waited for after it.
    assert taken / full == pytest.approx((6 + 26 + 51) / 300, abs=0.03)
