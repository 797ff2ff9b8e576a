"""What is live is what AWS says: the production rule, its weights, and the tags of the groups it names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core.errors import UserError
from core.session import connect
from plan.readers.live_state import LiveGroup, LiveState, read_live_state
from plan.readers.reads import Reads
from tests.support.account import moto_only
from tests.support.factories import group, live

STACK = "phoenix/dev"


def tags(**said: str) -> list[dict[str, str]]:
    return [{"Key": f"phoenix:{key.replace('_', '-')}", "Value": value} for key, value in said.items()]


class Account:
    """A small account in moto, and the calls that build one in it."""

    def __init__(self) -> None:
        self.session = boto3.Session(region_name="eu-west-1")
        self.made: set[str] = set()
        self.elb: Any = self.session.client("elbv2")
        self.ec2: Any = self.session.client("ec2")
        self.scaling: Any = self.session.client("autoscaling")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")[
                "Subnet"
            ]["SubnetId"]
            for i, zone in enumerate("ab")
        ]

    def balancer(self, name: str, *, known: bool = True, **said: str) -> str:
        """A load balancer with a listener, which the state holds if it is `known`. Returns the listener."""
        made = self.elb.create_load_balancer(Name=name, Subnets=self.subnets, Tags=tags(owner="test", **said))[
            "LoadBalancers"
        ][0]
        listener = self.elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )["Listeners"][0]
        self.made |= {made["LoadBalancerArn"]} if known else set()
        return str(listener["ListenerArn"])

    def read(self) -> LiveState:
        return read_live_state(Reads(connect(region="eu-west-1")), stack=STACK, made=self.made)

    def target_group(self, name: str, **said: str) -> str:
        return str(
            self.elb.create_target_group(
                Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, Tags=tags(stack=STACK, **said)
            )["TargetGroups"][0]["TargetGroupArn"]
        )

    def rule(self, listener: str, priority: int, weights: dict[str, int], **said: str) -> None:
        targets = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        self.elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Tags=tags(stack=STACK, **said),
            Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}*"]}],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}],
        )

    def group(self, name: str, target_group: str, size: int, **said: str) -> None:
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        data = {"ImageId": image, "InstanceType": "t3.small"}
        template = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=size,
            MaxSize=9,
            DesiredCapacity=size,
            TargetGroupARNs=[target_group],
            VPCZoneIdentifier=",".join(self.subnets),
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "1"},
            Tags=[
                {**tag, "ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
                for tag in tags(stack=STACK, **said)
            ],
        )


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto_only(monkeypatch)
    with mock_aws():
        yield Account()


def test_nothing_is_live_in_an_empty_account(account: Account) -> None:
    assert account.read() == LiveState()


def test_a_load_balancer_of_another_stack_is_not_ours(account: Account) -> None:
    account.balancer("prod", stack="phoenix/prod")
    assert account.read() == LiveState()


def test_a_load_balancer_that_the_state_has_not_made_is_another_matter(account: Account) -> None:
    listener = account.balancer("theirs", known=False, stack=STACK)
    blue = account.target_group("blue", color="blue", generation="a")
    account.rule(listener, 100, {blue: 100}, rule="production")
    account.group("blue-1", blue, 1, verified="a")
    found = account.read()
    assert (found.load_balancer, found.groups) == ("", ())
    assert [one.arn for one in found.other_balancers] == [
        listener.replace(":listener/", ":loadbalancer/").rpartition("/")[0]
    ]
    # Its groups are seen, and known to be nobody's here.
    assert found.unused_groups == ("blue-1",)

    account.balancer("ours", stack=STACK)
    assert account.read().load_balancer
    assert account.read().other_balancers == found.other_balancers


def test_a_failed_first_birth_left_a_load_balancer_without_production(account: Account) -> None:
    listener = account.balancer("dev", stack=STACK)
    account.rule(listener, 1, {account.target_group("blue", color="blue", generation="1"): 1}, rule="preview")
    found = account.read()
    assert (found.vpc_id, found.groups, found.majority_group) == (account.vpc, (), None)


def test_groups_are_read_from_the_production_rule_and_its_target_groups(account: Account) -> None:
    for number in range(22):  # more than AWS describes the tags of at once
        account.balancer(f"other-{number}")
    listener = account.balancer("dev", stack=STACK)
    blue = account.target_group(
        "blue",
        color="blue",
        generation="abc",
        fingerprint="f1",
        recipe="image=f1",
        image="ami-1",
        commit="c0ffee",
        baked_at="2026-11-01T00:00:00Z",
        launch_commit="1a1a1a",
    )
    green = account.target_group("green", color="green", generation="def")
    account.group("blue-1", blue, 3, verified="abc")
    account.group("green-1", green, 2, verified="abc")
    account.rule(listener, 1, {green: 1}, rule="preview")
    account.rule(listener, 100, {blue: 90, green: 10}, rule="production", commit="2b2b2b")
    found = account.read()
    assert (found.commit, [group.launch_commit for group in found.groups]) == ("2b2b2b", ["1a1a1a", ""])
    first, second = found.groups
    assert (first.color, first.generation, first.weight, first.server_spec) == ("blue", "abc", 90, "image=f1")
    assert (first.name, first.desired, first.verified) == ("blue-1", 3, True)
    assert first.baked_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert (second.name, second.verified) == ("green-1", False)
    assert found.majority_group == first
    assert found.weights == {"blue": 90, "green": 10}


def test_the_note_of_a_killed_promotion_is_seen(account: Account) -> None:
    listener = account.balancer("dev", stack=STACK)
    blue = account.target_group("blue", color="blue", generation="abc")
    account.rule(listener, 100, {blue: 100}, rule="production", before="to=abc min=2")
    assert account.read().promotion_interrupted


def test_groups_that_died_are_read_from_the_production_rule_newest_first(account: Account) -> None:
    listener = account.balancer("dev", stack=STACK)
    blue = account.target_group("blue", color="blue", generation="abc")
    past: Any = {f"past_{number}": f"a={number}" for number in (10, 2, 1)}
    account.rule(listener, 100, {blue: 100}, rule="production", **past)
    assert account.read().history == ("a=1", "a=2", "a=10")


def test_a_group_deleted_by_hand_still_has_its_weight(account: Account) -> None:
    listener = account.balancer("dev", stack=STACK)
    account.rule(listener, 100, {account.target_group("blue", color="blue", generation="abc"): 100}, rule="production")
    [found] = account.read().groups
    assert (found.color, found.weight, found.name, found.verified) == ("blue", 100, "", False)


def test_two_load_balancers_of_one_stack_are_an_error(account: Account) -> None:
    account.balancer("one", stack=STACK)
    account.balancer("two", stack=STACK)
    with pytest.raises(UserError, match="two load balancers carry the tag phoenix:stack = phoenix/dev"):
        account.read()


@pytest.mark.parametrize(
    ("groups", "weights"),
    [
        ((), {}),
        ((group("blue", weight=1),), {"blue": 100}),
        ((group("blue", weight=450), group("green", weight=50)), {"blue": 90, "green": 10}),
        ((group("blue", weight=0), group("green", weight=100)), {"green": 100}),
        ((group("blue", weight=0),), {}),
        # A share that users have is never none of them, nor all.
        ((group("blue", weight=999), group("green", weight=1)), {"blue": 99, "green": 1}),
    ],
)
def test_weights_are_percents_whatever_numbers_the_rule_holds(
    groups: tuple[LiveGroup, ...], weights: dict[str, int]
) -> None:
    assert live(*groups).weights == weights


def test_groups_that_production_does_not_know(account: Account) -> None:
    listener = account.balancer("ours", stack=STACK)
    blue = account.target_group("blue", color="blue", generation="a", birth="first")
    green = account.target_group("green", color="green", generation="b", birth="second")
    account.rule(listener, 100, {blue: 100}, rule="production")
    account.group("blue-group", blue, 2, color="blue", generation="a", birth="first")
    account.group("green-group", green, 1, color="green", generation="b", birth="second")
    account.group("green-dying", green, 0, color="green", generation="c", birth="third")
    account.scaling.update_auto_scaling_group(AutoScalingGroupName="green-dying", MaxSize=0)
    found = account.read()
    assert found.unused_groups == ("green-dying", "green-group")
    # What is being deleted is no birth to go on from.
    assert found.attempts == {("blue", "a"): "first", ("green", "b"): "second"}
    assert found.attempted == {("blue", "a", "first"), ("green", "b", "second"), ("green", "c", "third")}
    assert [group.attempt_id for group in found.groups] == ["first"]
