"""A load balancer that several services share: what does not fit on it is refused before anything is created."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core.errors import UserError
from core.session import connect
from plan.checks.existing_balancer import problems
from plan.readers import existing_balancer
from plan.readers.existing_balancer import (
    GROUPS,
    LIMITS,
    REGION,
    RULES,
    TARGETS,
    ExistingBalancer,
    OtherRule,
)
from plan.readers.live_state import Account, LiveState
from plan.readers.reads import Reads
from plan.readers.stack_state import Resource, StateInventory, check_listener_unchanged
from plan.rollout_plan import decide_rollout
from tests.support.account import moto_only
from tests.support.factories import NOW, recipe, settings

ACCOUNT = Account("123456789012", "eu-west-1")
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/edge/0a"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/edge/0a/0b"
KEYS: dict[str, Any] = {
    "listener_arn": LISTENER,
    "vpc_id": "vpc-0a",
    "hostname": "shop.example.com",
    "rule_priority": 10,
    "min_size": 2,
}
ROOMY = ExistingBalancer(arn=BALANCER, listener=LISTENER, vpc_id="vpc-0a", targets=0)


def found(shared: ExistingBalancer, **keys: Any) -> str:
    said = settings(**{**KEYS, **keys})
    live = LiveState(BALANCER, "vpc-0a")
    return "\n".join(str(one) for one in problems(said, decide_rollout(said, recipe(), live, now=NOW), live, shared))


def other(priority: int, *hosts: str, owner: str = "blog/dev", listener: str = LISTENER) -> OtherRule:
    return OtherRule(listener, priority, owner, hosts)


@pytest.mark.parametrize(
    ("used", "limit", "what"),
    [
        ({"rules": tuple(other(number) for number in range(100, 199))}, RULES, "2 more rules: it has 99"),
        ({"target_groups": 100}, GROUPS, "1 more target groups: it has 100"),
        ({"targets": 999}, TARGETS, "2 more registered servers: it has 999"),
    ],
)
def test_a_full_load_balancer_is_refused_and_one_with_just_enough_room_is_not(
    used: dict[str, Any], limit: str, what: str
) -> None:
    said = found(replace(ROOMY, **used))
    assert said.startswith(f"PHX-347: listenerArn = '{LISTENER}': must be on a load balancer with room for {what}")
    assert f"of at most {LIMITS[limit]}.\n    type: " in said
    assert found(replace(ROOMY, **used, limits={**LIMITS, limit: LIMITS[limit] + 1})) == ""


def test_a_redirect_on_port_80_is_in_no_services_way() -> None:
    """Of a load balancer that the program itself makes with a certificate: it is on another listener."""
    way = replace(other(200, "*", owner="edge/dev", listener="of-port-80"), redirects=True)
    own = replace(ROOMY, listener="", rules=(way,))
    assert found(own, listener_arn="", rule_priority=200) == ""
    assert "200 is taken by edge/dev" in found(
        replace(own, rules=(replace(way, redirects=False),)), listener_arn="", rule_priority=200
    )


def test_a_region_full_of_target_groups_is_refused() -> None:
    assert found(replace(ROOMY, region_target_groups=2999)) == ""
    assert "there are 3000 of at most 3000" in found(replace(ROOMY, region_target_groups=3000))


def test_own_rules_are_there_already_and_what_is_unknown_refuses_nothing() -> None:
    full = tuple(other(number) for number in range(100, 198))
    mine = (other(10, owner="phoenix/dev"), other(11, owner="phoenix/dev"))
    assert found(replace(ROOMY, rules=(*full, *mine), targets=None, limits={**LIMITS, REGION: 1})) == ""


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([other(10)], "10 is taken by blog/dev.\n    type: pulumi config set rulePriority 20"),
        ([other(11, owner="")], "11 is taken by a rule that is no stack of ours.\n"),
        ([other(9, "*")], "must be below 9: that rule (blog/dev) takes every request for shop.example.com"),
        ([other(9, "*.example.com")], "must be below 9"),
        ([other(9, "blog.example.com")], ""),
        ([other(12, "*")], ""),
        ([other(10, listener=LISTENER + "c")], ""),
    ],
)
def test_priorities_are_a_services_own_and_nobody_takes_its_requests(rules: list[OtherRule], said: str) -> None:
    answer = found(replace(ROOMY, rules=tuple(rules)))
    assert (said in answer) if said else answer == ""


def test_a_service_without_a_priority_is_told_the_lowest_pair_that_is_free() -> None:
    said = found(replace(ROOMY, rules=(other(10), other(11), other(21))), rule_priority=0)
    assert "must be set" in said
    assert said.endswith("type: pulumi config set rulePriority 30")


def test_a_load_balancer_of_another_network_is_refused() -> None:
    assert "must be of a load balancer in vpcId (vpc-0a; it is in vpc-0b)" in found(replace(ROOMY, vpc_id="vpc-0b"))


@pytest.mark.parametrize(
    ("listener", "made", "fix"),
    [
        (LISTENER, {"rules": {f"{LISTENER.replace(':listener/', ':listener-rule/')}/0c": "phoenix/dev"}}, ""),
        (LISTENER, {"rules": {}}, ""),
        (
            LISTENER,
            {"rules": {f"{LISTENER.replace(':listener/', ':listener-rule/')}x/0c": "phoenix/dev"}},
            f"pulumi config set listenerArn {LISTENER}x",
        ),
        (
            "",
            {"rules": {f"{LISTENER.replace(':listener/', ':listener-rule/')}/0c": "phoenix/dev"}},
            f"pulumi config set listenerArn {LISTENER}",
        ),
        (
            "",
            {"rules": {f"{LISTENER.replace(':listener/', ':listener-rule/')}/0c": "phoenix/dev"}, "ids": {BALANCER}},
            "",
        ),
        (
            LISTENER.replace("edge", "else"),
            {"rules": {f"{LISTENER.replace(':listener/', ':listener-rule/')}/0c": "phoenix/dev"}, "ids": {BALANCER}},
            "pulumi config rm listenerArn",
        ),
        ("", {"rules": {f"{LISTENER.replace(':listener/', ':listener-rule/')}/0c": "blog/dev"}}, ""),
    ],
)
def test_production_does_not_move_to_another_load_balancer(listener: str, made: dict[str, Any], fix: str) -> None:
    held = StateInventory(
        (
            *(Resource("urn", "aws:lb/loadBalancer:LoadBalancer", {"id": arn}) for arn in made.get("ids", ())),
            *(
                Resource("urn", "aws:lb/listenerRule:ListenerRule", {"arn": arn, "tags": {"phoenix:stack": owner}})
                for arn, owner in made["rules"].items()
            ),
        )
    )
    if not fix:
        check_listener_unchanged(held, stack="phoenix/dev", listener=listener)
        return
    with pytest.raises(UserError) as error:
        check_listener_unchanged(held, stack="phoenix/dev", listener=listener)
    assert f"  type: {fix}\n" in str(error.value)


@mock_aws
def test_what_is_on_a_load_balancer_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_only(monkeypatch)
    elb: Any = boto3.client("elbv2", "eu-west-1")
    ec2: Any = boto3.client("ec2", "eu-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("ab")
    ]
    firewall = ec2.create_security_group(GroupName="edge", Description="edge", VpcId=vpc)["GroupId"]
    tag = [{"Key": "phoenix:stack", "Value": "edge/dev"}]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets, SecurityGroups=[firewall], Tags=tag)[
        "LoadBalancers"
    ][0]["LoadBalancerArn"]
    named, free = (
        elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("named", "free")
    )
    forward: Any = [{"Type": "forward", "TargetGroupArn": named}]
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=8000,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["blog.example.com"]}}
    token = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": ["y"]}}
    for priority, conditions in ((1, [host, token]), (2, [host]), (3, [{"Field": "path-pattern", "Values": ["/*"]}])):
        elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=conditions,
            Actions=forward,
            Tags=[{"Key": "phoenix:stack", "Value": "blog/dev"}],
        )
    said = settings(**{**KEYS, "listener_arn": listener, "vpc_id": vpc})
    seen = existing_balancer.read_existing_balancer(Reads(connect(region="eu-west-1")), said, ACCOUNT, owner="")
    assert (seen.arn, seen.vpc_id, seen.security_groups) == (balancer, vpc, (firewall,))
    assert (seen.url, seen.suffix) == ("http://shop.example.com:8000", balancer.partition(":loadbalancer/")[2])
    assert seen.rules == (
        OtherRule(listener, 1, "blog/dev"),
        OtherRule(listener, 2, "blog/dev", ("blog.example.com",)),
        OtherRule(listener, 3, "blog/dev", ("*",)),
    )
    assert (seen.target_groups, seen.region_target_groups, seen.targets) == (1, 2, 0)
    assert seen.limits[RULES] == 100
    by_tag = existing_balancer.read_existing_balancer(
        Reads(connect(region="eu-west-1")), settings(hostname="b.c"), ACCOUNT, owner="edge/dev", made={balancer}
    )
    assert (by_tag.arn, by_tag.rules, by_tag.listener) == (balancer, seen.rules, "")
    nothing = existing_balancer.read_existing_balancer(
        Reads(connect(region="eu-west-1")), settings(hostname="b.c"), ACCOUNT, owner="no/dev"
    )
    assert nothing == ExistingBalancer()
    for gone in (listener.replace("123456789012", "210987654321"), listener[:-4] + "0000"):
        with pytest.raises(UserError, match="must be a listener of account 123456789012 in eu-west-1"):
            existing_balancer.read_existing_balancer(
                Reads(connect(region="eu-west-1")), replace(said, listener_arn=gone), ACCOUNT, owner=""
            )
    assert free
