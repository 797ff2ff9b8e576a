"""Neighbours: two stacks of a service, and two services behind one load balancer. What is one's is out of the other's
reach, for every action of the shipped policies; what IAM can't keep apart stands in docs/iam/README.md, and no more."""

from __future__ import annotations

import re

import pytest

from rehearsal.cloud import policies
from tests.support import iam, neighbors
from tests.support.iam import DEPLOYER, FOLDER
from tests.support.neighbors import SHARED, Stack

ALL = (*DEPLOYER, "adopt", "servers")
# Tags that say something of an image, and not whose it is.
MARKS = ("phoenix:shared-by", "phoenix:revoked")
DEV, EU, API = Stack("shop", "dev"), Stack("shop", "dev-eu"), Stack("shop-api", "dev")
PAIRS = [(DEV, EU), (EU, DEV), (DEV, API), (API, DEV)]


def left_open(heading: str) -> set[tuple[str, str]]:
    """(action, type of resource) of a table in the README, below a heading."""
    text = (FOLDER / "README.md").read_text()
    below = text[text.index(f"## {heading}\n") :].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \| (.+?) \| .+ \|$", below, re.MULTILINE)
    return {(action, kind) for actions, kind in rows for action in re.findall(r"`(\S+?)`", actions)}


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda stack: stack.identity)
def test_a_neighbour_reaches_nothing_of_the_others(one: Stack, other: Stack) -> None:
    found = {(action, kind) for action, kind, _ in neighbors.reached(one.statements(*ALL), [*other.things(), *SHARED])}
    known = left_open("What IAM can't keep apart")
    if one.service == other.service:
        known |= left_open("What the stacks of a service share")
    assert found == known


def test_each_action_is_of_use_on_the_stacks_own() -> None:
    """A condition on what AWS never says would allow nothing, and the tests above would be content."""
    own = DEV.statements(*ALL)
    useless = {
        f"{one.policy}:{one.sid} {action}"
        for one in own
        for action in one.actions
        if one.resources != ("*",) and not _of_use(action, one)
    }
    assert useless == set()


def _of_use(action: str, one: iam.Statement) -> bool:
    return any(
        neighbors.possible(one, action, thing, kind, making=making)
        for kind in neighbors.kinds(action)
        for thing in [*DEV.things(), *SHARED, *neighbors.ELSEWHERE]
        if kind.pattern.fullmatch(thing.arn)
        for making in (False, True)
    )


@pytest.mark.parametrize(
    "action",
    [
        "acm:AddTagsToCertificate",
        "autoscaling:CreateOrUpdateTags",
        "cloudwatch:TagResource",
        "ec2:CreateTags",
        "elasticloadbalancing:AddTags",
        "iam:TagInstanceProfile",
        "iam:TagRole",
    ],
)
def test_whoever_tags_writes_no_neighbours_name(action: str) -> None:
    """An image with another service's tag is launched by that service; a group with another stack's stops it."""
    writing = [one for one in DEV.statements(*ALL) if action in one.actions]
    assert writing
    for one in writing:
        keys = {key: value for said in one.condition.values() for key, value in said.items()}
        if one.condition.get("ForAllValues:StringEquals", {}).get("aws:TagKeys") in MARKS:
            assert one.condition["Null"] == {"aws:TagKeys": "false"}, "a list of no keys is a list of these alone"
            continue
        assert keys["aws:RequestTag/phoenix:stack"] == "shop/dev", one.sid
        if any(":image/" in arn for arn in one.resources):
            assert keys["aws:RequestTag/phoenix:service"] == "shop", one.sid


def test_what_has_no_resource_in_aws_only_tells() -> None:
    for statement in iam.statements(*DEPLOYER, "adopt"):
        for action in statement.actions:
            if action in iam.UNBOUND:
                continue
            # A scan changes nothing of anybody's, and a certificate is asked for by the stack's own name.
            own = action in ("inspector2:StartOnDemandScan", "acm:RequestCertificate")
            told = neighbors.level(action) in ("Read", "List") or own
            assert neighbors.kinds(action) or told, action


def test_alarms_and_groups_act_on_nobody_elses() -> None:
    """An alarm's action could end any server of the account, and a group could fill another's target group."""
    stated = {one.sid: one.condition for one in DEV.statements("launch", "deploy")}
    for sid in ("BearAlarmsThatDoNothing", "ChangeAndEndThem"):
        assert stated[sid]["Null"]["cloudwatch:AlarmActions"] == "true"
    group = stated["BearAGroupForItsOwnTargets"]
    for targets in (
        group["ForAllValues:ArnLike"]["autoscaling:TargetGroupARNs"],
        group["ForAllValues:StringLike"]["autoscaling:TrafficSourceIdentifiers"],
    ):
        assert [one.rpartition(":targetgroup/")[2] for one in targets] == ["shop-dev-blue-*/*", "shop-dev-green-*/*"]
    assert group["Null"] == {"autoscaling:LaunchConfigurationName": "true", "autoscaling:LoadBalancerNames": "true"}


def test_who_may_deploy_may_not_approve_and_who_approves_may_do_nothing_else() -> None:
    answer = f"arn:aws:ssm:{neighbors.REGION}:{neighbors.ACCOUNT}:parameter/phoenix-approvals/{DEV.identity}/answer"
    writers = {
        one.policy
        for one in DEV.statements(*ALL)
        if "ssm:PutParameter" in one.actions and any(policies.matches(arn, answer) for arn in one.resources)
    }
    assert writers == {"approve"}
    assert iam.actions("approve") == {"ssm:GetParameter", "ssm:PutParameter"}
