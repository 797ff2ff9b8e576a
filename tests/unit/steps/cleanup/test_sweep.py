"""What a killed change of the listener left goes, and nothing that users may need."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from core import listener_rules, server_groups
from core.errors import StepError
from steps.cleanup import sweep
from tests.unit.steps.cloud import BLUE, GREEN, REGION, STACK, World


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World(boto3.Session("testing", "testing", region_name=REGION), 80)


def sweep_away(world: World, name: str) -> None:
    act = sweep.deleter_for(world.aws, name)
    assert act is not None
    act()


def on(rule: str) -> str:
    return rule.replace(":listener-rule/", ":listener/").rpartition("/")[0]


def test_a_production_rule_goes_while_another_one_sends_users_the_same_way(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    stays = world.production({blue.target_group: 100})
    left = world.beside({blue.target_group: 1})
    sweep_away(world, left)
    assert [one.weights for one in listener_rules.read_rules(world.aws, on(left))] == [{}]
    sweep_away(world, left)  # gone already
    other = world.beside({green.target_group: 100})
    with pytest.raises(StepError, match="was not deleted: no other one sends its users the same way"):
        sweep_away(world, other)
    with pytest.raises(StepError, match="no other one"):
        sweep_away(world, stays)


def test_a_preview_rule_has_no_users(world: World) -> None:
    left = world.beside({world.color("blue", BLUE).target_group: 1}, kind="preview")
    sweep_away(world, left)
    assert len(listener_rules.read_rules(world.aws, on(left))) == 1


def test_a_listener_goes_while_it_has_no_rules(world: World) -> None:
    used, free = on(world.beside({world.color("blue", BLUE).target_group: 1})), world.listen()
    sweep_away(world, free)
    assert listener_rules.read_rules(world.aws, free) == ()
    with pytest.raises(StepError, match="it has rules"):
        sweep_away(world, used)


def test_a_group_that_a_failed_attempt_left_goes_although_it_was_protected(world: World) -> None:
    left = world.color("blue", BLUE)
    calls = world.protected(left.group)
    [group] = server_groups.read_groups(world.aws, STACK)
    sweep.delete(world.aws, [group], world.context().progress, listener=world.listener)
    assert calls == [(left.group, "none")]
    assert server_groups.read_groups(world.aws, STACK) == ()
