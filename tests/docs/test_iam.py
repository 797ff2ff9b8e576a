"""The policies of docs/iam as IAM reads them: actions, keys and resources exist, and what ends things looks at tags."""

from __future__ import annotations

import json
import re
import subprocess

import botocore.session
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from plan.config import systems_manager
from rehearsal import PROJECT
from tests.support import iam, neighbors
from tests.support.iam import DEPLOYER, FOLDER, UNBOUND, Statement
from tests.support.neighbors import DATA, NEWER, Kind, details

ALL = [statement for policy in (*DEPLOYER, "adopt", "servers") for statement in iam.statements(policy)]
ENDS = re.compile(r":(Delete|Deregister|Detach|Disassociate|Release|Remove|Revoke|Stop|Terminate)")
# Ends things, and has no tag to look at: each is bound to the stack's or the service's own in another way.
BY_NAME = {
    "s3:DeleteBucket": "the stack's bucket of logs has its name",
    "s3:DeleteBucketPolicy": "the same",
    "s3:DeleteObject": "the same",
    "s3:DeleteObjectVersion": "the same",
    "cloudwatch:DeleteDashboards": "the dashboard has the stack's name, and no tags",
    "wafv2:DisassociateWebACL": "of the stack's load balancer alone, by its name",
    "dynamodb:DeleteTable": "the stack's table has its name",
    "scheduler:DeleteSchedule": "a schedule has no tags; those of the guard have the stack's name",
    "ssm:TerminateSession": "a session has no tags of ours; whoever began it ends it",
    "ssm:DeleteParameters": "lists of packages stand below the service's own path",
}


def test_what_the_data_does_not_know_yet_is_a_call_that_aws_has() -> None:
    for action in NEWER:
        service, name = action.split(":")
        assert not DATA.actions.action_exists(service, name), f"{action} is in the data now: take it out of NEWER"
        assert name in botocore.session.get_session().get_service_model(service).operation_names


@pytest.mark.parametrize("statement", ALL, ids=lambda one: f"{one.policy}:{one.sid}")
def test_aws_says_every_key_of_a_condition_of_what_the_statement_is_about(statement: Statement) -> None:
    """A key that AWS never says of an action refuses it in silence, or, where it may be missing, allows it."""
    asked = [(action, kind) for action in statement.actions for kind in _about(action, statement)]
    for operator, keys in statement.condition.items():
        for key in keys:
            missing = [f"{action} of {kind.name}" for action, kind in asked if not neighbors.asks(kind, key)]
            if re.search("IfExists$|^ForAllValues:|^Null$", operator):
                assert len(missing) < len(asked), f"{key} is said of none of these: {missing}"
            else:
                assert missing == [], f"{key} is not said of these"


def _about(action: str, statement: Statement) -> list[Kind]:
    """The types of resources whose ARNs a statement has; of a new thing AWS asks at least what makes it."""
    assert details(action)
    if not neighbors.kinds(action):
        return [neighbors.of_account(action)] if statement.condition else []
    return [
        kind
        for kind in neighbors.kinds(action)
        if any(_fits(kind.pattern, iam.filled(resource)) for resource in statement.resources)
    ]


def _fits(kind: re.Pattern[str], resource: str) -> bool:
    return kind.fullmatch(resource.replace("?", "x").rstrip("*") + "x") is not None


@pytest.mark.parametrize("statement", ALL, ids=lambda one: f"{one.policy}:{one.sid}")
def test_each_resource_is_one_that_some_action_is_about(statement: Statement) -> None:
    """An ARN that fits no action's resources would allow nothing, in silence."""
    known = [kind.pattern for action in statement.actions for kind in neighbors.kinds(action)]
    for resource in statement.resources:
        assert resource == "*" or any(_fits(kind, iam.filled(resource)) for kind in known), resource


@pytest.mark.parametrize("statement", ALL, ids=lambda one: f"{one.policy}:{one.sid}")
def test_what_changes_things_is_bound_to_some_of_them(statement: Statement) -> None:
    if statement.resources == ("*",) and not statement.condition and statement.policy != "servers":
        if set(statement.actions) == UNBOUND:
            return
        assert {details(action)["accessLevel"] for action in statement.actions} <= {"Read", "List"}


def test_whatever_ends_something_looks_at_its_tag() -> None:
    for statement in iam.statements(*DEPLOYER):
        for action in filter(ENDS.search, statement.actions):
            if action in UNBOUND:
                continue
            if action not in BY_NAME:
                assert statement.keys & {"aws:ResourceTag/phoenix:stack", "aws:ResourceTag/phoenix:service"}, action
            else:
                assert statement.resources != ("*",), action
    ending = {action for action in iam.actions(*DEPLOYER) if ENDS.search(action)}
    assert set(BY_NAME) <= ending


@pytest.mark.parametrize("policy", [*DEPLOYER, "adopt", "servers"])
def test_a_policy_is_no_longer_than_aws_allows(policy: str) -> None:
    # 6,144 characters without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    # A service's and its stack's name have at most 18 characters together, with what joins them.
    longest = iam.filled((FOLDER / f"{policy}.json").read_text(), service="x" * 9, stack="x" * 8)
    assert len(re.sub(r"\s", "", longest)) <= 6144


def test_the_agent_of_systems_manager_has_the_actions_of_aws_own_policy_for_it_and_no_parameters() -> None:
    managed = json.loads(aws_managed_policies_data)
    default, core = (
        {action for said in managed[name]["Document"]["Statement"] for action in said["Action"]}
        for name in ("AmazonSSMManagedEC2InstanceDefaultPolicy", "AmazonSSMManagedInstanceCore")
    )
    assert core - default == {"ssm:GetParameter", "ssm:GetParameters"}
    assert set(systems_manager.ACTIONS) == default


def test_servers_are_bound_to_what_systems_manager_needs_and_their_stacks_secrets() -> None:
    of_servers = [statement for statement in iam.statements("servers") if not statement.sid.startswith("Guards")]
    assert {action for statement in of_servers for action in statement.actions} == {
        *systems_manager.ACTIONS,
        "ssm:GetParameter",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:CompleteLifecycleAction",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "dynamodb:Scan",
    }
    for statement in of_servers:
        # Of AWS's, to look at groups, there is no resource.
        if statement.sid not in ("SystemsManager", "SeeTheirOwnGroup"):
            named = [
                *statement.resources,
                *(str(value) for said in statement.condition.values() for value in said.values()),
            ]
            assert any(re.search("([:/]|^)SERVICE[/-]STACK(/\\*|-live-[?]{7})?$", one) for one in named), statement.sid
    keys = [statement for statement in iam.statements("servers") if "kms:Decrypt" in statement.actions]
    assert [set(one.keys) for one in keys] == [
        {"kms:ViaService", "kms:EncryptionContext:PARAMETER_ARN"},
        {"kms:ViaService", "kms:EncryptionContext:SecretARN"},
    ], "keys are for what these services ask about the stack's own, and nothing else"


def test_the_bounds_let_a_guard_do_its_part_to_its_own_stack_and_nothing_else() -> None:
    """Each role has one action more narrowly than this: tests/unit/components/test_traffic_guard.py."""
    guards = [statement for statement in iam.statements("servers") if statement.sid.startswith("Guards")]
    assert {action for statement in guards for action in statement.actions} == {
        "autoscaling:UpdateAutoScalingGroup",
        "dynamodb:UpdateItem",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:ModifyRule",
        "events:DisableRule",
        "events:PutEvents",
        "iam:PassRole",
        "sns:Publish",
        "ssm:StartAutomationExecution",
    }
    for statement in guards:
        tagged = statement.condition.get("StringEquals", {}).get("aws:ResourceTag/phoenix:stack") == "SERVICE/STACK"
        # Of a document that is bound: AWS asks for an execution beside it, which has no name yet.
        begins = [one for one in statement.resources if not one.endswith(":automation-execution/*")]
        named = all(re.search(r"/SERVICE-STACK-((blue|green)-guard-\*|live-[?]{7}$)", one) for one in begins)
        looks = statement.actions == ("elasticloadbalancing:DescribeRules",)  # AWS knows no resource of it
        tells = statement.actions in (("sns:Publish",), ("events:PutEvents",))
        assert tagged or named or looks or tells, statement.sid


def test_the_code_calls_nothing_that_is_not_allowed() -> None:
    asked = dict(iam.called(["components", "plan", "core", "steps"]))
    assert asked.keys() <= iam.actions(*DEPLOYER)


def rows() -> dict[str, str]:
    """The README's table: who needs each action."""
    text = (FOLDER / "README.md").read_text()
    return dict(re.findall(r"^\| `([\w-]+:\w+)` \| (.+) \|$", text, re.MULTILINE))


def test_each_action_is_traced_to_the_calls_that_need_it() -> None:
    table = rows()
    assert set(table) == iam.actions(*DEPLOYER)
    files: dict[str, set[str]] = {}
    for action, file in iam.called(["components", "plan", "core", "steps"]):
        files.setdefault(action, set()).add(file)
    for action, who in table.items():
        assert set(re.findall(r"`((?:components|plan|core|steps)/[\w/]+\.py)`", who)) == files.get(action, set()), (
            action
        )


def test_the_readme_fills_every_placeholder() -> None:
    """Its own function, as somebody would type it."""
    text = (FOLDER / "README.md").read_text()
    function = text[text.index("fill() {") : text.index("; }\n", text.index("fill() {")) + 4]
    for file in FOLDER.glob("*.json"):
        done = subprocess.run(
            ["sh", "-c", f"{function}fill {file.stem}"], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["Version"] == "2012-10-17"
        types = ("AAAA", "CNAME")  # of records
        assert [one for one in re.findall(r"\b[A-Z]{4,}\b", done.stdout) if one not in types] == []


def test_every_resource_that_an_action_needs_is_in_some_statement_about_it() -> None:
    """AWS asks about each resource of a call by itself: a launch is about an image, a group and a subnet."""
    left = []
    for one in sorted(iam.actions(*DEPLOYER, "adopt")):
        said = [statement for statement in ALL if one in statement.actions]
        for kind in (
            kind for kind in neighbors.kinds(one) if kind.required and not re.search("/(net|gwy)|^stream$", kind.name)
        ):
            arns = [iam.filled(arn) for statement in said for arn in statement.resources]
            if not any(arn == "*" or _fits(kind.pattern, arn) for arn in arns):
                left.append(f"{one} {kind.name}")
    assert left == []
