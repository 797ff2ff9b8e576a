"""clear: what a killed birth left is gone before the things that its servers stand in."""

from __future__ import annotations

import pytest

from core import server_groups
from core.errors import StepError
from steps.cleanup.clear import Options, delete_orphaned_groups
from tests.unit.steps.cloud import ACCOUNT, BLUE, GREEN, REGION, STACK, Color, World


def given(world: World, color: Color) -> Options:
    return Options(
        stack=STACK,
        account=ACCOUNT,
        region=REGION,
        color="green",
        target_group=color.target_group,
        listener=world.listener,
    )


def groups(world: World) -> set[str]:
    return {one.name for one in server_groups.read_groups(world.aws, STACK) if not one.leaving}


def test_the_group_of_a_killed_birth_goes_and_the_live_one_stays(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    world.production({blue.target_group: 100})
    world.preview(green.target_group)

    assert delete_orphaned_groups(given(world, green), world.context()) == {"deleted": [green.group]}
    assert groups(world) == {blue.group}
    assert f"deleting {green.group}: a failed attempt left it, and it gets no traffic" in world.said()
    # The engine has deleted it by itself: as after every birth that was not killed.
    assert delete_orphaned_groups(given(world, green), world.context()) == {"deleted": []}


def test_a_group_with_production_traffic_stays_whoever_forgot_it(world: World) -> None:
    green = world.color("green", GREEN)
    world.production({green.target_group: 100})

    with pytest.raises(StepError, match=rf"{green.group} \(green\) is live and was not deleted"):
        delete_orphaned_groups(given(world, green), world.context())
    assert groups(world) == {green.group}


def test_in_a_destroy_a_load_balancer_that_is_gone_is_no_obstacle(world: World) -> None:
    green = world.color("green", GREEN)
    world.production({green.target_group: 100})
    world.aws.elbv2.delete_listener(ListenerArn=world.listener)

    assert delete_orphaned_groups(given(world, green), world.context()) == {"deleted": [green.group]}
    assert groups(world) == set()
