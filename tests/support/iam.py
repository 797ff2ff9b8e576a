"""The policies of docs/iam, what they say of an action, and which permissions a call or a file of the project needs."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name

from rehearsal import PROJECT
from rehearsal.cloud.calls import Call
from rehearsal.cloud.policies import listed, matches

FOLDER = PROJECT / "docs" / "iam"
# Who reads may preview; who updates has these,
USUAL = ("read", "launch", "deploy", "rights", "packer", "network")
# or with one image in several accounts and regions, or builds through Session Manager, some of these.
DEPLOYER = (
    *USUAL,
    "share",
    "copy",
    "session",
    "revoke",
    "webacl",
    "logs",
    "scan",
    "notify",
    "hold",
    "approve",
    "guard",
    "dns",
    "hooks",
    "live",
)
# Change things, and AWS knows no resource and no condition of them: README.md of docs/iam says so.
UNBOUND = {"logs:CreateLogDelivery", "logs:DeleteLogDelivery"}
# What a policy says of each, but for the service and its stack.
VALUES = {
    "ACCOUNT": "123456789012",
    "REGION": "eu-west-1",
    "BAKER": "111111111111",
    "TAKER": "222222222222",
    "IMAGEKEY": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "SIGNINGKEY": "abcd1234-12ab-34cd-56ef-1234567890ab",
    "BALANCER": "edge",
    "FIREWALL": "sg-0123456789abcdef0",
    "BUILDER": "builder",
    "NETWORK": "*",
    "WEBACL": "edge/1234abcd-12ab-34cd-56ef-1234567890ab",
    "TOPIC": "releases",
    "DOMAIN": "SERVICE-STACK.example.com",
    "ZONE": "Z0123456789ABCDEFGHIJ",
    "FUNCTION": "shop-check",
    "DOCUMENT": "Shop-Check",
}
PREFIXES = {"monitoring": "cloudwatch", "elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
SERVICES = (
    "acm",
    "autoscaling",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "elbv2",
    "events",
    "iam",
    "inspector2",
    "kms",
    "route53",
    "scheduler",
    "service-quotas",
    "sns",
    "ssm",
    "sts",
    "wafv2",
)


@dataclass(frozen=True)
class Statement:
    policy: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]]

    @property
    def keys(self) -> set[str]:
        return {key for keys in self.condition.values() for key in keys}


def statements(*policies: str) -> list[Statement]:
    """What these policies allow; they have no denials."""
    return [statement for policy in policies for statement in _read(policy)]


@cache
def _read(policy: str) -> tuple[Statement, ...]:
    said = json.loads((FOLDER / f"{policy}.json").read_text())["Statement"]
    assert all(one["Effect"] == "Allow" for one in said)
    return tuple(
        Statement(policy, one["Sid"], tuple(one["Action"]), tuple(listed(one["Resource"])), one.get("Condition", {}))
        for one in said
    )


def actions(*policies: str) -> set[str]:
    return {action for statement in statements(*policies) for action in statement.actions}


def filled(text: str, *, service: str = "phoenix", stack: str = "local", **others: str) -> str:
    """An ARN or a value of a policy with its placeholders filled in, as the README says; `others` by their names."""
    for name, value in {**VALUES, **others, "SERVICE": service, "STACK": stack}.items():
        text = text.replace(name, value)
    return text


def covers(statement: Statement, arn: str) -> bool:
    """Whether an ARN is among a statement's resources."""
    return any(matches(filled(pattern), arn) for pattern in statement.resources)


def needed(call: Call) -> set[str]:
    """The permissions that AWS asks for when this call is made: its own, and those of what it does on the way.

    Sources: "Dependent actions" in the Service Authorization Reference; "Tagging your resources during creation" of
    each service; "Control Amazon EC2 launch template usage in Auto Scaling groups", EC2 Auto Scaling user guide.
    """
    own = f"{PREFIXES.get(call.service, call.service)}:{call.operation}"
    wanted = {own}
    tagged = re.search(r"(?:^|&)(?:TagSpecification|Tags)\.|\"Tags\":|\x64Tags", call.body) is not None
    if tagged and re.match(r"(Create(?!OrUpdate)|Copy|Allocate|Run|Put)", call.operation):
        name = {
            "CreateRole": "TagRole",
            "CreateInstanceProfile": "TagInstanceProfile",
            "CreateAutoScalingGroup": "CreateOrUpdateTags",
            "PutMetricAlarm": "TagResource",
        }.get(call.operation, "CreateTags" if call.service == "ec2" else "AddTags")
        wanted.add(f"{own.split(':')[0]}:{name}")
    if call.operation == "CreateAutoScalingGroup":
        wanted |= {"ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"}
    return wanted


@cache
def _operations() -> dict[str, set[str]]:
    """Methods of boto3's clients, with the actions that they stand for."""
    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="-", aws_secret_access_key="-")
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        client: Any = session.client(service)  # type: ignore[call-overload]
        for operation in client.meta.service_model.operation_names:
            action = f"{PREFIXES.get(service, service)}:{operation}"
            found.setdefault(xform_name(operation), set()).add(action)
    return found


# The same method of several services: which one a file means. `verify` and `scan` are steps.
MEANT = {
    "delete_rule": "elasticloadbalancing",
    "delete_tags": "ec2",
    "describe_account_limits": "elasticloadbalancing",
    "describe_load_balancers": "elasticloadbalancing",
    "describe_tags": "elasticloadbalancing",
    "list_tags_for_resource": "cloudwatch",
    "publish": "none",
    "scan": "none",
    "verify": "none",
}
# Those of one client, among others' methods of that name.
OF_CLIENTS = {
    ("delete_rule", "events"): "events:DeleteRule",
    ("list_tags_for_resource", "events"): "events:ListTagsForResource",
    ("publish", "sns"): "sns:Publish",
    ("scan", "dynamodb"): "dynamodb:Scan",
    ("verify", "kms"): "kms:Verify",
    ("invoke", "_lambda"): "lambda:InvokeFunction",
}


def called(folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(action, file) for each method of boto3 that the code names, as a method or as a paginator's name."""
    for folder in folders:
        for file in sorted((PROJECT / folder).rglob("*.py")):
            yield from ((action, str(file.relative_to(PROJECT))) for action in _named(file))


@cache
def _named(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        name = node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else None
        meant = _operations().get(name, set()) if isinstance(name, str) else set()
        client = ast.unparse(node.value).rpartition(".")[2] if isinstance(node, ast.Attribute) else ""
        if action := OF_CLIENTS.get((str(name), client)):
            found.add(action)
            continue
        found |= {action for action in meant if action.startswith(MEANT.get(str(name), ""))}
    return found
