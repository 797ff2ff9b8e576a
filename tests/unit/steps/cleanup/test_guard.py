"""guard: only a destroy deletes the production rule while users reach servers by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import engine_call, images
from core.engine_call import Call
from core.errors import StepError
from steps.cleanup.guard import Options, guard
from tests.unit.steps.cloud import ACCOUNT, BLUE, REGION, STACK, World


class Live(World):
    """A world in which blue has production."""

    def __init__(self) -> None:
        super().__init__(boto3.Session("testing", "testing", region_name=REGION), 80)
        self.blue = self.color("blue", BLUE)
        self.production({self.blue.target_group: 100})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation="up"))
    with mock_aws():
        yield Live()


def given(world: Live) -> Options:
    return Options(stack=STACK, account=ACCOUNT, region=REGION, rule=world.production_rule)


@pytest.mark.parametrize("call", [Call(operation="up"), Call(operation="refresh"), None])
def test_an_update_may_not(world: Live, monkeypatch: pytest.MonkeyPatch, call: Call | None) -> None:
    monkeypatch.setattr(engine_call, "read_engine_call", lambda: call)
    with pytest.raises(StepError) as error:
        guard(given(world), world.context())
    assert error.value.what == f"the production rule of {STACK} was not deleted: users reach 1 group(s) by it"
    assert ("pulumi up" in error.value.why) == (call == Call(operation="up"))


def test_a_destroy_may(world: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation="destroy", arguments=("--yes",)))
    assert guard(given(world), world.context()) == {"rule": world.production_rule}


def test_a_destroy_says_which_images_it_leaves_and_an_update_does_not(
    world: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    baked = world.aws.ec2.register_image(Name="one", Architecture="x86_64", RootDeviceName="/dev/sda1")["ImageId"]
    tags = dict.fromkeys(images.COMPLETE, "x") | {"phoenix:service": "phoenix", "phoenix:stack": STACK}
    world.aws.ec2.create_tags(Resources=[baked], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    told = f"1 image of {STACK}, with snapshots and lists of packages, will stay and cost storage; see and delete"
    world.aws.elbv2.delete_rule(RuleArn=world.production_rule)
    world.production({world.blue.target_group: 0})
    guard(given(world), world.context())
    assert told not in world.said()
    monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation="destroy"))
    guard(given(world), world.context())
    assert f"{told} them afterwards: make delete-images STACK=test" in world.said()


def test_a_rule_that_is_gone_or_gives_nobody_traffic_may_go(world: Live) -> None:
    elb, gone = world.aws.elbv2, world.production_rule
    elb.delete_rule(RuleArn=gone)
    assert guard(given(world), world.context()) == {"rule": gone}
    empty = world.production({world.color("green", "dddddddddddd").target_group: 0})
    assert guard(given(world), world.context()) == {"rule": empty}


@pytest.mark.parametrize(
    ("stack", "kind", "weight", "may"),
    [
        (STACK, "production", 100, True),
        (STACK, "production", 0, False),
        (STACK, "preview", 100, False),
        ("other/test", "production", 100, False),
    ],
)
def test_a_rule_that_has_moved_to_another_listener_may_go(
    world: Live, stack: str, kind: str, weight: int, may: bool
) -> None:
    forward: Any = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": world.blue.target_group, "Weight": weight}]},
    }
    world.aws.elbv2.create_rule(
        ListenerArn=world._listen(world.load_balancer, 8081),
        Priority=100,
        Actions=[forward],
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Tags=[{"Key": "phoenix:stack", "Value": stack}, {"Key": "phoenix:rule", "Value": kind}],
    )
    if may:
        guard(given(world), world.context())
        return
    with pytest.raises(StepError, match="was not deleted: users reach"):
        guard(given(world), world.context())
