"""Tags are read of what there is, while others make and delete theirs beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from core import listener_rules, tags
from core.aws import Aws
from plan.readers import load_balancers
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.boto3_stack import Stack, stack
from tests.support.factories import reads

STACK = "phoenix/dev"


@dataclass
class Account:
    """A stack's load balancer, the session of a program that reads it, and what is done between two of its calls."""

    own: Stack
    session: boto3.Session

    @property
    def elbv2(self) -> Any:
        return self.own.cloud.client("elbv2")

    def another(self, name: str) -> str:
        """A load balancer of another team."""
        made = self.elbv2.create_load_balancer(Name=name, Subnets=self.own.subnets)["LoadBalancers"]
        return str(made[0]["LoadBalancerArn"])

    def once(self, client: Any, operation: str, act: Callable[[], object]) -> None:
        """Before the client's first call of this name, somebody else acts."""
        acts = [act]

        def first(**_: Any) -> None:  # any answer would be taken for AWS's
            if acts:
                acts.pop()()

        client.meta.events.register_first(f"before-call.elastic-load-balancing-v2.{operation}", first)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with (
        pytest.MonkeyPatch.context() as patch,
        Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=5, time_scale=0.02) as cloud,
    ):
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        own = stack(cloud)
        cloud.client("elbv2").add_tags(ResourceArns=[own.balancer], Tags=[{"Key": "phoenix:stack", "Value": STACK}])
        yield Account(own, boto3.Session())


def test_a_load_balancer_of_another_team_goes_between_two_calls(account: Account) -> None:
    theirs, client = [account.another(f"theirs-{number}") for number in range(23)], account.session.client("elbv2")
    account.once(
        client, "DescribeTags", lambda: [account.elbv2.delete_load_balancer(LoadBalancerArn=arn) for arn in theirs[3:5]]
    )
    found, others = load_balancers.find_load_balancer(reads(client), STACK, made={account.own.balancer})
    assert (found.arn if found else "", others) == (account.own.balancer, ())
    for arn in theirs:
        account.elbv2.delete_load_balancer(LoadBalancerArn=arn)


def test_tags_of_all_that_is_left_are_read_whatever_is_gone(account: Account) -> None:
    there = [account.own.fresh().rule({account.own.target_group(f"there-{number}"): 1}) for number in range(2)]
    gone = [f"{arn[:-4]}dead" for arn in (*there, account.own.balancer, account.own.listener)]
    client = account.session.client("elbv2")
    assert tags.read_tags(client, [gone[0], there[0], *gone[1:], there[1]]).keys() == set(there)
    assert tags.read_tags(client, gone) == tags.read_tags(client, []) == {}
    with pytest.raises(ClientError, match="LoadBalancerNotFound"):
        client.describe_tags(ResourceArns=[account.own.balancer, gone[2]])


def test_anything_else_that_aws_says_is_no_word_about_what_is_gone(account: Account) -> None:
    client = account.session.client("elbv2")

    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeTags")

    client.meta.events.register_first("before-call.elastic-load-balancing-v2.DescribeTags", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        tags.read_tags(client, [account.own.balancer])


@pytest.mark.parametrize("goes", ["rule", "listener"])
def test_what_others_have_on_a_shared_load_balancer_goes_between_two_calls(account: Account, goes: str) -> None:
    shared = account.own.fresh()
    mine = shared.rule({account.own.target_group(f"mine-{goes}"): 1}, priority=1)
    theirs = shared.rule({account.own.target_group(f"theirs-{goes}"): 1}, priority=2)
    another = account.own.fresh().listener
    client = account.session.client("elbv2")
    if goes == "rule":
        account.once(client, "DescribeTags", lambda: account.elbv2.delete_rule(RuleArn=theirs))
    else:
        account.once(client, "DescribeRules", lambda: account.elbv2.delete_listener(ListenerArn=another))
    found = {rule["RuleArn"] for rule in load_balancers.rules_of(reads(client), account.own.balancer)}
    assert found & {mine, theirs} == {mine, *([theirs] if goes == "listener" else [])}


def test_a_step_reads_its_listener_while_others_rules_come_and_go(account: Account) -> None:
    shared, aws = account.own.fresh(), Aws(account.session)
    mine = shared.rule({account.own.target_group("mine-step"): 1}, priority=1)
    theirs = shared.rule({account.own.target_group("theirs-step"): 1}, priority=2)
    account.once(aws.elbv2, "DescribeTags", lambda: account.elbv2.delete_rule(RuleArn=theirs))
    assert [rule.arn for rule in listener_rules.read_rules(aws, shared.listener) if rule.priority != "default"] == [
        mine
    ]
