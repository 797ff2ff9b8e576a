"""The program while a stack takes production over from servers that somebody else made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest

from tests.support.main_program import program
from tests.support.recorder import Existing, Recorded
from tests.unit.program.existing_group import network

HOST = "shop.example.com"


class OldWorld:
    """A listener whose only rule leads to a target group of somebody else."""

    def __init__(self) -> None:
        self.vpc, self.subnets = network("ab")
        elb: Any = boto3.client("elbv2", "eu-west-1")
        ec2 = boto3.client("ec2", "eu-west-1")
        firewall = ec2.create_security_group(GroupName="edge", Description="edge", VpcId=self.vpc)["GroupId"]
        balancer = elb.create_load_balancer(Name="edge", Subnets=self.subnets, SecurityGroups=[firewall])[
            "LoadBalancers"
        ][0]["LoadBalancerArn"]
        self.old = elb.create_target_group(Name="legacy", Protocol="HTTP", Port=80, VpcId=self.vpc)["TargetGroups"][0][
            "TargetGroupArn"
        ]
        self.listener = elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.old}],
        )["Listeners"][0]["ListenerArn"]

    def program(self, existing: Existing, **config: Any) -> Recorded:
        said = {
            "listenerArn": self.listener,
            "takeOverTargetGroup": self.old,
            "vpcId": self.vpc,
            "albSubnetIds": self.subnets,
            "serverSubnetIds": self.subnets,
            "hostname": HOST,
            "rulePriority": "30",
        }
        return program(existing=existing, **{**said, **config})


def test_the_production_rule_is_there_with_the_old_servers_in_it_before_promote_moves_it(
    existing: Existing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "plan.md"))
    world = OldWorld()
    existing.in_production.append(world.old)
    done = world.program(existing)
    rule = done.one("aws:lb/listenerRule:ListenerRule", "production")
    ours = done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_TARGET_GROUP"]
    assert rule.inputs["priority"] == 31
    assert rule.inputs["actions"][0]["forward"]["targetGroups"] == [
        {"arn": ours, "weight": 0},
        {"arn": world.old, "weight": 100},
    ]
    assert "phoenix-dev-promote" not in rule.depends_on
    promote = done.one("command:local:Command", "promote")
    assert {"phoenix-dev-verify", "phoenix-dev-production"} <= promote.depends_on
    assert promote.inputs["environment"]["PHOENIX_CANARY_STEPS"] == "10,50"
    # What is done once production has moved waits for promote, not for the rule that was there before.
    assert "phoenix-dev-promote" in done.one("command:local:Command", "prune").depends_on
    plan = (tmp_path / "plan.md").read_text()
    assert "all of production moves to blue" in plan
    assert "legacy (0 of 0 servers healthy): rule 31 takes the requests for shop.example.com of the default action" in (
        plan
    )
    assert done.outputs["summary"].endswith("; left: 1 rule, 0 servers, legacy")
    # No part of the old world is declared.
    assert world.old not in {one.inputs.get("arn") for one in done.resources}
    assert [one.name for one in done.all("aws:lb/targetGroup:TargetGroup")] == ["phoenix-dev-blue"]


def test_a_held_canary_is_declared_with_both(existing: Existing) -> None:
    world = OldWorld()
    existing.in_production.append(world.old)
    done = world.program(existing, traffic=10)
    assert "left:" not in done.outputs["summary"]
    assert sorted(done.outputs["live"]["weights"].values()) == [10, 90]


def test_a_second_try_finds_the_rule_and_declares_what_promote_reports(existing: Existing) -> None:
    world = OldWorld()
    existing.in_production.append(world.old)
    elb: Any = boto3.client("elbv2", "eu-west-1")
    tags = {"phoenix:stack": "phoenix/dev", "phoenix:rule": "production"}
    rule = elb.create_rule(
        ListenerArn=world.listener,
        Priority=31,
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": [HOST]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": world.old}],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )["Rules"][0]["RuleArn"]
    existing.holds("aws:lb/listenerRule:ListenerRule", rule, tags=tags)
    done = world.program(existing)
    assert "phoenix-dev-promote" in done.one("aws:lb/listenerRule:ListenerRule", "production").depends_on
    promote = done.one("command:local:Command", "promote")
    assert "phoenix-dev-production" not in promote.depends_on
    found = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"][0]["forward"]["targetGroups"]
    assert {one["arn"]: one["weight"] for one in found} == {
        promote.inputs["environment"]["PHOENIX_TARGET_GROUP"]: 100,
        world.old: 0,
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"listenerArn": ""}, "PHX-187: .*takeOverTargetGroup = 'arn:.*': must be set with listenerArn"),
        (
            {"takeOverTargetGroup": "arn:aws:elasticloadbalancing:eu-west-1:999999999999:targetgroup/legacy/0a"},
            r"PHX-188: .*must be of the listener's account and region \(eu-west-1:123456789012\)",
        ),
        (
            {"takeOverTargetGroup": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0a"},
            "PHX-369: .*must be a target group that is there",
        ),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_made(
    existing: Existing, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(pulumi.RunError, match=f"(?s){said}"):
        OldWorld().program(existing, **config)
