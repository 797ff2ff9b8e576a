"""A cloud that lets its deployer do what the shipped policies say, resource by resource, and refuses the rest as AWS
does.

Each call is asked about as AWS's Service Authorization Reference has it: the things that it names with their tags, the
things that it makes with the tags of the request, what tags them as they are made, and what a group does in its name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from rehearsal.cloud import policies
from rehearsal.cloud.calls import Call, Refusal
from rehearsal.cloud.cloud import Cloud
from tests.support import called_things, iam, neighbors
from tests.support.called_things import ACCOUNT, IDENT, REGION, arn, of_ec2, tagged
from tests.support.neighbors import Kind

Tags = Mapping[str, Mapping[str, str]]
# What tags a thing as a call makes it, beside EC2's and the balancer's own.
TAGGING = {
    "autoscaling:CreateAutoScalingGroup": "autoscaling:CreateOrUpdateTags",
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "iam:CreateInstanceProfile": "iam:TagInstanceProfile",
    "iam:CreateRole": "iam:TagRole",
}
TO_SERVERS = {"iam:PassedToService": "ec2.amazonaws.com"}


@dataclass(frozen=True)
class Need:
    """One question of AWS's: an action on a resource, and what the request says."""

    action: str
    arn: str
    said: policies.Context


@dataclass
class Deployer:
    """A fault of a cloud's calls: it refuses whoever deploys what the policies of these `names` do not allow, filled in
    for a stack and with `values`.

    `asked`: how often each action was asked about; `refused`: what was answered with no.
    """

    cloud: Cloud
    names: Iterable[str]
    service: str = "phoenix"
    stack: str = "local"
    values: Mapping[str, str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        about = {"service": self.service, "stack": self.stack, **self.values}
        texts = [iam.filled((iam.FOLDER / f"{name}.json").read_text(), **about) for name in self.names]
        self._statements = [one for text in texts for one in policies.statements(json.loads(text))]

    def __call__(self, call: Call) -> Refusal | None:
        if call.access_key != self.cloud.access_key:
            return None
        try:
            asked = list(needs(call, stack=f"{self.service}/{self.stack}"))
        except Exception as error:  # a mistake of this file is told, where a 500 would be tried again
            asked = [Need(f"{call.name}, since {error!r}", "unknown", {})]
        self.asked.update(one.action for one in asked)
        no = [one for one in asked if not policies.allowed(self._statements, one.action, one.arn, one.said)]
        if not no:
            return None
        self.refused += [f"{one.action} on {one.arn} ({call.name}, {dict(one.said)})" for one in no]
        code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
        return Refusal(status=403, code=code, message=f"not authorized to perform {no[0].action} on {no[0].arn}")


def make_bounds(cloud: Cloud, *, service: str = "phoenix", stack: str = "local") -> str:
    """Makes the policy that bounds a stack's servers, as an administrator does, and returns its ARN."""
    text = iam.filled((iam.FOLDER / "servers.json").read_text(), service=service, stack=stack)
    made = cloud.client("iam").create_policy(PolicyName=f"phoenix-{service}-{stack}-servers", PolicyDocument=text)
    return str(made["Policy"]["Arn"])


def needs(call: Call, *, stack: str) -> Iterator[Need]:
    """What AWS asks before it does what somebody of this stack calls.

    What nobody knows the resource of is a question about `unknown`.
    """
    action = f"{iam.PREFIXES.get(call.service, call.service)}:{call.operation}"
    values, kinds = called_things.fields(call), neighbors.kinds(action)
    about = list(called_things.named(call, values, stack=stack))
    tags = called_things.request_tags(call, values, stack=stack)
    if not kinds or neighbors.level(action) in ("Read", "List"):
        found = [(name, said) for name, said in about if any(kind.pattern.fullmatch(name) for kind in kinds)]
        yield from (Need(action, name, said) for name, said in found or [("*", {})])
        return
    asked = list(_about_each(kinds, about, tags, _of_request(call, values), action))
    yield from asked or [Need(action, "unknown", {})]
    yield from _as_it_is_made(action, asked, tags)
    if call.operation == "CopyImage":
        source = f"arn:aws:ec2:{values['SourceRegion']}::image/{values['SourceImageId']}"
        yield Need(action, source, {"ec2:Owner": iam.VALUES["BAKER"]})
    if call.operation == "CreateAutoScalingGroup":
        yield from _in_the_name_of(values)
    if call.operation == "AddRoleToInstanceProfile":
        yield Need("iam:PassRole", arn("iam", f"role/{values['RoleName']}"), TO_SERVERS)


def _of_request(call: Call, values: Mapping[str, str]) -> dict[str, str | list[str]]:
    """What the caller says of itself in other fields."""
    said: dict[str, str | list[str]] = {}
    if bounds := values.get("PermissionsBoundary"):
        said["iam:PermissionsBoundary"] = bounds
    if targets := [value for key, value in values.items() if key.startswith("TargetGroupARNs.")]:
        said["autoscaling:TargetGroupARNs"] = said["autoscaling:TrafficSourceIdentifiers"] = targets
    if call.operation == "PutEvents":
        said["events:source"] = [entry["Source"] for entry in json.loads(values["Entries"])]
    if call.service == "monitoring" and "AlarmActions" in call.body:
        said["cloudwatch:AlarmActions"] = "arn:aws:sns:eu-west-1:123456789012:somebody"
    return said


def _about_each(
    kinds: Iterable[Kind],
    about: Iterable[tuple[str, Mapping[str, str]]],
    tags: Tags,
    request: policies.Context,
    action: str,
) -> Iterator[Need]:
    for kind in kinds:
        new = tagged(tags.get(kind.name) or tags.get("", {}), "Request")
        keys = {"aws:TagKeys": [key.partition("/")[2] for key in new]} if new else {}
        said: policies.Context = {**request, **new, **keys}
        if not kind.made:
            yield from (
                _need(action, kind, name, {**own, **said}) for name, own in about if kind.pattern.fullmatch(name)
            )
        elif kind.required or kind.name in tags:
            yield _need(action, kind, arn("ec2", f"{kind.name}/new"), said)


def _need(action: str, kind: Kind, name: str, said: policies.Context) -> Need:
    return Need(action, name, {key: value for key, value in said.items() if neighbors.asks(kind, key)})


def _as_it_is_made(action: str, asked: Iterable[Need], tags: Tags) -> Iterator[Need]:
    """What AWS asks of the tags of a call that makes something."""
    service, _, call = action.partition(":")
    if not neighbors.MAKING.search(action):
        return
    for kind, named in tags.items():
        new = tagged(named, "Request")
        if service == "ec2":
            yield Need("ec2:CreateTags", arn("ec2", f"{kind}/new"), {**new, "ec2:CreateAction": call})
        elif service == "elasticloadbalancing":
            said = {**new, f"{service}:CreateAction": call}
            yield from (Need(f"{service}:AddTags", _made(call, one.arn), said) for one in asked)
        else:
            yield from (Need(TAGGING[action], one.arn, new) for one in asked)


def _made(call: str, name: str) -> str:
    """The ARN of what a call of the balancer makes: its own, or below what it names."""
    if call == "CreateListener":
        return name.replace(":loadbalancer/", ":listener/") + "/new"
    return name.replace(":listener/", ":listener-rule/") + "/new" if call == "CreateRule" else name


def _in_the_name_of(values: Mapping[str, str]) -> Iterator[Need]:
    """What a group with a launch template takes of whoever makes it: to launch, to tag, to give the servers a role.

    Source: "Control Amazon EC2 launch template usage in Auto Scaling groups", EC2 Auto Scaling user guide.
    """
    template = ec2_backends[ACCOUNT][REGION].launch_templates[values["LaunchTemplate.LaunchTemplateId"]]
    data = template.get_version(values["LaunchTemplate.Version"]).data
    text = json.dumps({**data, "UserData": ""}, default=str)
    named = [template.id, *IDENT.findall(text), *values["VPCZoneIdentifier"].split(",")]
    tags = {
        one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one.get("Tags", one.get("Tag", []))}
        for one in data.get("TagSpecifications", data.get("TagSpecification", []))
    }
    action = "ec2:RunInstances"
    by = {"ec2:LaunchTemplate": arn("ec2", f"launch-template/{template.id}"), "ec2:AssociatePublicIpAddress": "false"}
    asked = list(_about_each(neighbors.kinds(action), [of_ec2(one) for one in named], tags, by, action))
    yield from asked
    yield from _as_it_is_made(action, asked, tags)
    [profile] = re.findall(r"instance-profile/([\w-]+)", text)
    known = iam_backends[ACCOUNT]["aws"].instance_profiles.values()
    [role] = next(one for one in known if one.name == profile).roles
    yield Need("iam:PassRole", role.arn, TO_SERVERS)
