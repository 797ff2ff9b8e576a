"""The deployer's policies against every call of a whole cycle: program, steps, Packer, and the engine's provider.

With `pulumi` on PATH the calls of the real AWS provider are held against them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from rehearsal.cloud.calls import OBSERVER_KEY, Call
from tests.cycles.stack import ENGINES, Stack
from tests.support import iam
from tests.support.deployer import Deployer, make_bounds
from tests.support.iam import DEPLOYER, USUAL, covers

BOUNDARY = "arn:aws:iam::123456789012:policy/phoenix-phoenix-local-servers"
# Asked first, and done without: the provider then learns the account from sts:GetCallerIdentity.
NOT_NEEDED = {"iam:GetUser"}
# Allowed, and on the local cloud called by nobody but the real provider, which reads more of what it has made:
PROVIDER = {
    "ec2:DescribeAddressesAttribute",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcAttribute",
    "ec2:DisassociateAddress",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
}
CALLED = {action for action, _ in iam.called(["components", "plan", "core", "steps"])}
# Called by nobody here, and why it is allowed all the same:
ELSEWHERE = {
    "autoscaling:SetInstanceProtection": "the provider lifts protection from scale-in before it deletes a group",
    "ec2:DescribeInstanceStatus": "the real Packer waits for its build machine",
    "ec2:DescribeInstanceTypeOfferings": "the real Packer chooses a subnet where none is named",
    "ec2:DescribeRegions": "the real Packer looks whether the region exists",
    "elasticloadbalancing:ModifyListener": "the certificate of a listener is another",
    "elasticloadbalancing:ModifyTargetGroup": "health checks come at another interval",
    "elasticloadbalancing:SetSubnets": "the load balancer stands in other subnets",
    **dict.fromkeys(
        ("ec2-instance-connect:SendSSHPublicKey", "ssm:StartSession", "ssm:TerminateSession"),
        "the real Packer reaches its build machine through Session Manager",
    ),
    **dict.fromkeys(
        (
            "elasticloadbalancing:SetWebACL",
            "wafv2:AssociateWebACL",
            "wafv2:DisassociateWebACL",
            "wafv2:GetWebACLForResource",
        ),
        "a web ACL judges requests to the load balancer",
    ),
    **dict.fromkeys([*iam.actions("logs") - iam.actions(*USUAL), "ec2:DescribeFlowLogs"], "logs are kept"),
    "iam:AttachRolePolicy": "servers get the managed policies that `policyArns` names",
    **dict.fromkeys(iam.actions("guard") - iam.actions(*USUAL) - CALLED, "AWS watches on (guardHours)"),
    **dict.fromkeys(iam.actions("dns") - iam.actions(*USUAL) - CALLED, "the host name leads here (hostedZoneId)"),
    **dict.fromkeys(iam.actions("hooks") - iam.actions(*USUAL) - CALLED, "functions and documents are asked (hooks)"),
    **dict.fromkeys(iam.actions("live") - iam.actions(*USUAL) - CALLED, "work goes with production (liveTarget)"),
    "autoscaling:PutLifecycleHook": "a server that leaves is held until it is done (stopCommand)",
    **dict.fromkeys(
        ("ec2:AssociateSubnetCidrBlock", "ec2:AssociateVpcCidrBlock"), "the program's own network has IPv6 (dualstack)"
    ),
    **dict.fromkeys(
        ("autoscaling:DeleteScheduledAction", "autoscaling:PutScheduledUpdateGroupAction"),
        "sizes at times (schedule)",
    ),
    "elasticloadbalancing:SetIpAddressType": "users come by IPv6 too (ipAddressType)",
    "iam:CreateServiceLinkedRole": "AWS makes its own roles for an account's first load balancer and group",
    **dict.fromkeys(
        (
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ),
        "EC2 uses keys in the name of whoever bakes and copies with them",
    ),
}


@dataclass
class Cycle:
    """What was called, and the ARNs of everything that two colors were made of."""

    engine: str
    deployer: Deployer
    calls: list[Call] = field(default_factory=list)
    preview: list[Call] = field(default_factory=list)
    arns: dict[tuple[str, ...], list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module", params=ENGINES)
def cycle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cycle]:
    with ExitStack() as kept:
        stack = kept.enter_context(Stack(tmp_path_factory.mktemp("iam"), stand_in=request.param == "stand-in"))
        seen = Cycle(request.param, Deployer(stack.cloud, USUAL))
        kept.enter_context(stack.cloud.calls.failing(seen.deployer))
        stack.cloud.client("ssm").put_parameter(Name="/phoenix/local/secret", Value="hidden", Type="SecureString")
        assert make_bounds(stack.cloud) == BOUNDARY
        calls = stack.cloud.calls.seen
        stack.set(
            active="auto",
            dashboard=True,
            permissionsBoundary=BOUNDARY,
            environment={"REHEARSAL_FAULT": "none", "SECRET": "ssm:/phoenix/local/secret"},
        )
        stack.up()
        stack.change()
        stack.set(keepPrevious=True)
        before = len(calls)
        assert stack.engine.preview().ok
        seen.preview = list(calls[before:])
        stack.up()
        seen.arns = made(stack)
        stack.set(keepPrevious=False)
        stack.up()
        assert stack.engine.refresh().ok
        stack.destroy()
        seen.calls = [call for call in calls if call.access_key != OBSERVER_KEY]
    yield seen


def made(stack: Stack) -> dict[tuple[str, ...], list[str]]:
    """ARNs by the policies whose statements are about them."""
    elbv2, scaling, rights = (stack.cloud.client(name) for name in ("elbv2", "autoscaling", "iam"))
    balancers = [one["LoadBalancerArn"] for one in elbv2.describe_load_balancers()["LoadBalancers"]]
    listeners = [
        one["ListenerArn"] for arn in balancers for one in elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    ]
    rules = [one["RuleArn"] for arn in listeners for one in elbv2.describe_rules(ListenerArn=arn)["Rules"]]
    targets = [one["TargetGroupArn"] for one in elbv2.describe_target_groups()["TargetGroups"]]
    groups = [one["AutoScalingGroupARN"] for one in scaling.describe_auto_scaling_groups()["AutoScalingGroups"]]
    watch = stack.cloud.client("cloudwatch")
    # Target tracking has alarms of AWS's own.
    alarms = [
        one["AlarmArn"]
        for one in watch.describe_alarms()["MetricAlarms"]
        if not one["AlarmName"].startswith("TargetTracking-")
    ]
    boards = [one["DashboardArn"] for one in watch.list_dashboards()["DashboardEntries"]]
    roles = [one["Arn"] for one in rights.list_roles()["Roles"]]
    profiles = [one["Arn"] for one in rights.list_instance_profiles()["InstanceProfiles"]]
    assert all(
        rights.get_role(RoleName=arn.rpartition("/")[2])["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        == BOUNDARY
        for arn in roles
    )
    served = [balancers, listeners, rules, targets, groups, alarms, boards]
    assert all([*served, roles, profiles])
    return {("launch", "deploy"): [arn for kind in served for arn in kind], ("rights",): [*roles, *profiles]}


def test_the_whole_cycle_runs_under_the_policies(cycle: Cycle) -> None:
    """Each call was asked about the very things that it named, with their tags, and refused where no statement was."""
    refused = [one for one in cycle.deployer.refused if one.split()[0] not in NOT_NEEDED]
    assert refused == []
    asked = cycle.deployer.asked
    assert {"ec2:RunInstances", "ec2:CreateTags", "iam:PassRole", "elasticloadbalancing:AddTags"} <= set(asked)
    assert asked.total() > 500


def test_every_call_is_allowed(cycle: Cycle) -> None:
    allowed = iam.actions(*USUAL) | NOT_NEEDED
    refused = {
        f"{wanted} ({call.name}, {call.agent})"
        for call in cycle.calls
        for wanted in iam.needed(call)
        if wanted not in allowed
    }
    assert refused == set()


def test_nothing_is_allowed_that_nothing_uses(cycle: Cycle) -> None:
    used = {wanted for call in cycle.calls for wanted in iam.needed(call)}
    # What the steps call only when something fails is in their code.
    used |= CALLED
    assert iam.actions(*DEPLOYER) - used == set(ELSEWHERE) | (set() if cycle.engine == "pulumi" else PROVIDER)


def test_a_preview_needs_nothing_but_to_read(cycle: Cycle) -> None:
    assert cycle.preview
    asked = {wanted for call in cycle.preview if call.access_key != OBSERVER_KEY for wanted in iam.needed(call)}
    assert asked <= iam.actions("read") | NOT_NEEDED


def test_what_the_program_makes_has_names_that_the_policies_are_about(cycle: Cycle) -> None:
    for policies, arns in cycle.arns.items():
        for arn in arns:
            assert any(covers(statement, arn) for statement in iam.statements(*policies)), arn


def test_what_is_made_has_the_tag_that_ending_it_asks_for(cycle: Cycle) -> None:
    tagged = {
        action
        for statement in iam.statements("launch", "deploy", "rights", "packer", "network")
        if any(key.startswith("aws:RequestTag/phoenix:") for key in statement.keys)
        for action in statement.actions
    }
    makers = {action.partition(":")[2] for action in tagged if re.search(":(Create(?!OrUpdate)|Allocate|Run)", action)}
    makers.discard("CreateTags")
    made = [call for call in cycle.calls if call.operation in makers]
    assert {call.name for call in made if not re.search("phoenix(:|%3A)stack", call.body)} == set()
    assert len({call.operation for call in made}) >= 15
