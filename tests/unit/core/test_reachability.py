"""No step deletes a group that users reach, or that another state's rule names, whatever the step was told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import reachability, server_groups
from core.errors import StepError
from steps.cleanup import clear, prune, retire, sweep
from tests.unit.steps.cloud import ACCOUNT, BLUE, GREEN, REGION, STACK, Color, World

COMMON: Any = {"stack": STACK, "account": ACCOUNT, "region": REGION}


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        made = World(boto3.Session("testing", "testing", region_name=REGION), 80)
        made.production({made.color("green", GREEN).target_group: 100})
        yield made


def retiring(world: World, blue: Color) -> None:
    retire.retire(
        retire.Options(
            **COMMON, color="blue", group=blue.group, target_group=blue.target_group, listener=world.listener
        ),
        world.context(),
    )


def clearing(world: World, blue: Color) -> None:
    clear.delete_orphaned_groups(
        clear.Options(**COMMON, color="blue", target_group=blue.target_group, listener=world.listener), world.context()
    )


def sweeping(world: World, blue: Color) -> None:
    sweep.delete(
        world.aws, [server_groups.read_group(world.aws, blue.group)], world.context().progress, listener=world.listener
    )


@pytest.mark.parametrize("step", [retiring, clearing, sweeping])
def test_users_of_another_load_balancer_count(world: World, step: Callable[[World, Color], None]) -> None:
    blue = world.color("blue", BLUE)
    rule = world.elsewhere({blue.target_group: 10})

    with pytest.raises(StepError) as error:
        step(world, blue)
    assert error.value.what == f"{blue.group} (blue) is live and was not deleted: it gets 100 % of a rule's traffic"
    assert rule in error.value.why
    assert world.scaling(blue.group)


@pytest.mark.parametrize("step", [clearing, sweeping])
def test_a_group_that_another_states_rule_names_is_no_leftover(
    world: World, step: Callable[[World, Color], None]
) -> None:
    blue, theirs = world.color("blue", BLUE), world.color("blue", "cccccccccccc")
    rule = world.elsewhere({theirs.target_group: 100, blue.target_group: 0})

    with pytest.raises(StepError) as error:
        step(world, blue)
    assert error.value.what == f"{blue.group} (blue) was not deleted: another state of {STACK} uses it"
    assert f"or, if nobody needs it: aws elbv2 delete-rule --rule-arn {rule}" in error.value.do
    assert world.scaling(blue.group)


def test_prune_tells_what_it_may_not_delete_and_goes_on(world: World) -> None:
    blue = world.color("blue", BLUE)
    world.elsewhere({blue.target_group: 100})

    said = prune.prune(
        prune.Options(**COMMON, service="phoenix", group="green", listener=world.listener, orphans=(blue.group,)),
        world.context(),
    )
    assert said["groups"] == []
    assert (
        f"warning: PHX-905: {blue.group} stays for now: PHX-801: {blue.group} (blue) is live and was not deleted"
        in world.said()
    )
    assert world.scaling(blue.group)


def test_of_several_none_is_deleted_when_one_is_used(world: World) -> None:
    idle, blue = world.color("blue", "dddddddddddd"), world.color("blue", BLUE)
    world.elsewhere({blue.target_group: 1})

    with pytest.raises(StepError):
        sweep.delete(
            world.aws,
            [server_groups.read_group(world.aws, one.group) for one in (idle, blue)],
            world.context().progress,
            listener=world.listener,
        )
    assert world.scaling(idle.group) and world.scaling(blue.group)


def test_a_target_group_that_is_gone_is_reached_by_nobody(world: World) -> None:
    blue = world.color("blue", BLUE)
    world.aws.elbv2.delete_target_group(TargetGroupArn=blue.target_group)
    assert reachability.routes_to(world.aws, blue.target_group) == ()


def test_a_listeners_balancer_is_read_off_its_arn(world: World) -> None:
    assert reachability.balancer_of(world.listener) == world.load_balancer
