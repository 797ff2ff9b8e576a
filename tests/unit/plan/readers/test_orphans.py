"""What no state knows and no group stands on is found, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core.session import connect
from plan.readers import orphans
from plan.readers.live_state import LiveState
from plan.readers.reads import Reads
from tests.support.account import moto_only
from tests.support.factories import group, live

STACK = "phoenix/dev"


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto_only(monkeypatch)
    with mock_aws():
        yield


def things(name: str, *, stack: str = STACK, **said: str) -> list[str]:
    """A launch template, a target group and a security group with these tags, in the order in which they go."""
    tags: Any = [{"Key": f"phoenix:{key}", "Value": value} for key, value in {"stack": stack, **said}.items()]
    ec2, elb = boto3.client("ec2", "eu-west-1"), boto3.client("elbv2", "eu-west-1")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    name = f"{stack.replace('/', '-')}-{name}"
    template = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"ImageId": "ami-0a"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )["LaunchTemplate"]["LaunchTemplateId"]
    targets = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags)["TargetGroups"]
    group = ec2.create_security_group(
        GroupName=name, Description=name, TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}]
    )
    return [template, targets[0]["TargetGroupArn"], group["GroupId"]]


def lost(standing: LiveState = LiveState(), known: frozenset[str] = frozenset()) -> tuple[str, ...]:  # noqa: B008 - it is frozen
    return read(standing, known).things


def read(standing: LiveState = LiveState(), known: frozenset[str] = frozenset()) -> orphans.Orphans:  # noqa: B008 - it is frozen
    return orphans.find_orphans(Reads(connect(region="eu-west-1")), standing, stack=STACK, known=known)


def test_what_nobody_knows_is_found_in_the_order_in_which_it_can_go() -> None:
    assert lost() == ()
    left = things("green-1", color="green", generation="g", birth="1")
    assert lost() == tuple(left)


def test_what_the_state_knows_is_the_engines() -> None:
    template, *others = things("green-1", color="green", generation="g", birth="1")
    assert lost(known=frozenset({template})) == tuple(others)


def test_a_birth_whose_group_is_there_is_left_alone_and_another_birth_of_it_is_not() -> None:
    things("blue-1", color="blue", generation="b", birth="1")  # production's
    things("green-1", color="green", generation="g", birth="1")  # one that production does not know
    again = things("green-2", color="green", generation="g", birth="2")
    standing = live(group("blue", generation="b", attempt_id="1"))
    assert lost(replace(standing, attempts={("green", "g"): "1"})) == tuple(again)


def test_a_way_to_a_security_group_that_is_dead_is_found_before_it_and_others_are_not() -> None:
    ec2 = boto3.client("ec2", "eu-west-1")
    *_, dead = things("green-1", color="green", generation="g", birth="1")
    *_, serves = things("blue-1", color="blue", generation="b", birth="1")
    tags: Any = [{"ResourceType": "security-group", "Tags": [{"Key": "phoenix:stack", "Value": STACK}]}]
    door = ec2.create_security_group(GroupName="alb", Description="alb", TagSpecifications=tags)["GroupId"]
    made = [
        ec2.authorize_security_group_egress(
            GroupId=door,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": one}]}],
        )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        for one in (serves, dead)
    ]
    found = lost(live(group("blue", generation="b", attempt_id="1")))
    assert (found[0], found[-1], made[0] in found) == (made[1], dead, False)
    assert lost(live(group("blue", generation="b", attempt_id="1")), frozenset(found[1:])) == (made[1],)


def rights(name: str, *, stack: str = STACK, **said: str) -> list[str]:
    """An instance profile, its role and an alarm with these tags, in the order in which they go."""
    tags: Any = [{"Key": f"phoenix:{key}", "Value": value} for key, value in {"stack": stack, **said}.items()]
    iam, watch = boto3.client("iam"), boto3.client("cloudwatch", "eu-west-1")
    name = f"{stack.replace('/', '-')}-{name}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=tags)["Role"]["Arn"]
    profile = iam.create_instance_profile(InstanceProfileName=name, Tags=tags)["InstanceProfile"]["Arn"]
    watch.put_metric_alarm(
        AlarmName=name,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=1,
        Period=60,
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Tags=tags,
    )
    return [profile, role, watch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]]


def test_rights_and_alarms_that_nobody_knows_are_found_and_those_of_a_standing_birth_are_not() -> None:
    rights("blue-1", color="blue", generation="b", birth="1")
    rights("green-1", stack="phoenix/dev-2", color="green", generation="g", birth="1")
    left = rights("green-1", color="green", generation="g", birth="1")
    assert lost(live(group("blue", generation="b", attempt_id="1"))) == tuple(left)
    named = frozenset({"phoenix-dev-blue-1", "phoenix-dev-green-1"})
    assert lost(known=named) == ()  # the state's ids of these are their names


def test_whatever_is_there_tells_which_births_were_tried() -> None:
    things("blue-1", color="blue", generation="b", birth="1")
    known = things("green-1", color="green", generation="g", birth="2")
    rights("green-2", color="green", generation="g", birth="3")
    things("green-9", stack="phoenix/prod", color="green", generation="g", birth="9")
    found = read(live(group("blue", generation="b", attempt_id="1")), frozenset(known))
    assert found.attempted == {("blue", "b", "1"), ("green", "g", "2"), ("green", "g", "3")}


def test_what_others_made_is_not_ours() -> None:
    things("green-1", stack="phoenix/prod", color="green", generation="g", birth="1")
    things("alb", rule="none")  # of the stack, but of no color's birth
    assert lost() == ()


def test_a_stack_whose_names_are_the_same_is_seen_by_its_tags_and_none_that_only_begins_alike() -> None:
    things("green-1", stack="shop/api-dev", color="green", generation="g", birth="1")
    rights("blue-1", stack="shop/api-dev", color="blue", generation="b", birth="1")
    things("green-2", stack="shop/api-dev-eu", color="green", generation="g", birth="1")
    session = connect(region="eu-west-1")

    def seen(stack: str) -> tuple[str, ...]:
        return orphans.find_orphans(Reads(session), LiveState(), stack=stack, known=frozenset()).namesakes

    assert seen("shop-api/dev") == ("shop/api-dev",)
    assert seen("shop/api-dev") == ()
    assert seen("shop/api") == ()


def test_rights_alone_which_all_regions_share_show_it_too() -> None:
    rights("blue-1", stack="shop/api-dev", color="blue", generation="b", birth="1")
    there = Reads(connect(region="us-east-1"))
    found = orphans.find_orphans(there, LiveState(), stack="shop-api/dev", known=frozenset())
    assert (found.things, found.namesakes) == ((), ("shop/api-dev",))
