"""What a call of the local cloud names: its fields, its tags, and the things with what they say of themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from moto.autoscaling.models import autoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends

from rehearsal.cloud.calls import Call
from tests.support import iam

ACCOUNT, REGION = iam.VALUES["ACCOUNT"], iam.VALUES["REGION"]
# What an id of EC2 begins with, and the type of resource that it is of.
IDS = {
    "i": "instance",
    "vol": "volume",
    "ami": "image",
    "snap": "snapshot",
    "subnet": "subnet",
    "vpc": "vpc",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "eipalloc": "elastic-ip",
    "rtb": "route-table",
    "sg": "security-group",
    "lt": "launch-template",
    "eni": "network-interface",
}
IDENT = re.compile(rf"\b(?:{'|'.join(IDS)})-[0-9a-f]{{8,17}}\b")
# Things that a call is about are its own fields; what stands deeper (where a rule leads to) AWS asks nothing about.
_OWN = re.compile(r"\w+(?:\.member)?(?:\.\d+)?")
_ALARM = re.compile(r"[a-z][a-z0-9-]*-(?:blue|green)-[a-z0-9-]+?-[0-9a-f]{7}")
_TAG_KEY = re.compile(r"((?:TagSpecification\.\d+\.|Tags?\.(?=\d|member)).*?)(?:Tag\.\d+\.)?Key")

Things = Iterator[tuple[str, dict[str, str]]]


def fields(call: Call) -> dict[str, str]:
    """Those of a form by their names, or those of JSON, what is no text as JSON."""
    if call.body[:1] == "{":
        said = json.loads(call.body)
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}
    return dict(parse_qsl(call.body, keep_blank_values=True))


def arn(service: str, name: str) -> str:
    region = "" if service == "iam" or name.startswith("dashboard/") else REGION
    account = "" if name.startswith(("image/", "snapshot/", "document/AWS-", "parameter/aws/")) else ACCOUNT
    return f"arn:aws:{service}:{region}:{account}:{name}"


def tagged(tags: Mapping[str, str], what: str = "Resource") -> dict[str, str]:
    """Tags as keys of a condition."""
    return {f"aws:{what}Tag/{key}": value for key, value in tags.items()}


def request_tags(call: Call, values: Mapping[str, str], *, stack: str) -> dict[str, dict[str, str]]:
    """Tags of the request: by type of resource for EC2, and below "" where a call is about one thing. `stack`: the
    identity that is looked for in what is no text."""
    found: dict[str, dict[str, str]] = {}
    for key, value in values.items():
        if named := _TAG_KEY.fullmatch(key):
            kind = values.get(f"{named.group(1)}ResourceType", "") if "TagSpec" in key else ""
            found.setdefault(kind, {})[value] = values.get(f"{key.removesuffix('Key')}Value", "")
    # The AWS provider speaks CBOR with CloudWatch.
    if call.service == "monitoring" and "phoenix:stack" in call.body and stack in call.body:
        found[""] = {"phoenix:stack": stack}
    return found


def named(call: Call, values: Mapping[str, str], *, stack: str) -> Things:
    """ARNs of what a call names, each with what it says of itself. `stack`: the identity of whoever calls."""
    own = {key: value for key, value in values.items() if _OWN.fullmatch(key)}
    match call.service:
        case "ec2":
            yield from _of_ec2(values if call.operation == "RunInstances" else own)
        case "elasticloadbalancing":
            yield from _of_balancers(call, own)
        case "autoscaling":
            yield from _of_groups(values)
        case "iam":
            yield from _of_iam(own)
        case "monitoring":
            yield from _of_cloudwatch(call, stack)
        case "ssm":
            yield from _of_ssm(values)
        case "events":
            for entry in json.loads(values.get("Entries", "[]")):
                yield arn("events", f"event-bus/{entry.get('EventBusName', 'default')}"), {}
        case "sns":
            yield values["TopicArn"], {}


def _ids(values: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(one for value in values.values() for one in IDENT.findall(value)))


def of_ec2(ident: str) -> tuple[str, dict[str, str]]:
    """The ARN of one of EC2's things, by its id, with what it says of itself."""
    kind = IDS[ident.partition("-")[0]]
    said = tagged(_ec2_tags(ident))
    if kind in ("image", "snapshot"):
        said["ec2:Owner"] = ACCOUNT if "aws:ResourceTag/phoenix:service" in said else "amazon"
    known = ec2_backends[ACCOUNT][REGION]
    if kind == "security-group" and (group := known.get_security_group_from_id(ident)):
        said["ec2:Vpc"] = arn("ec2", f"vpc/{group.vpc_id}")
    return arn("ec2", f"{kind}/{ident}"), said


def _ec2_tags(ident: str) -> dict[str, str]:
    return dict(ec2_backends[ACCOUNT][REGION].tags.get(ident, {}))


def _of_ec2(values: Mapping[str, str]) -> Things:
    known = ec2_backends[ACCOUNT][REGION]
    yield from (of_ec2(one) for one in _ids(values))
    if name := values.get("KeyName"):
        pair = known.key_pairs.get(name)
        yield arn("ec2", f"key-pair/{name}"), tagged(_ec2_tags(pair.id) if pair else {})
    if ident := values.get("AssociationId"):
        # What it joins has an id of its own.
        tables = [one.id for one in known.route_tables.values() if ident in str(one.associations)]
        addresses = [one.allocation_id for one in known.addresses if one.association_id == ident]
        yield from (of_ec2(one) for one in (*tables, *addresses))


def _of_balancers(call: Call, own: Mapping[str, str]) -> Things:
    known = elbv2_backends[ACCOUNT][REGION].tagging_service
    for value in own.values():
        if value.startswith("arn:aws:elasticloadbalancing:"):
            yield value, tagged(known.get_tag_dict_for_resource(value))
    if name := own.get("Name"):
        kind = "loadbalancer/app" if call.operation == "CreateLoadBalancer" else "targetgroup"
        yield arn("elasticloadbalancing", f"{kind}/{name}/new"), {}


def _of_groups(values: Mapping[str, str]) -> Things:
    name = values.get("AutoScalingGroupName") or values.get("Tags.member.1.ResourceId", "")
    group = autoscaling_backends[ACCOUNT][REGION].autoscaling_groups.get(name)
    tags = [{key.lower(): value for key, value in tag.items()} for tag in group.tags] if group else []
    said = tagged({tag["key"]: tag.get("value", "") for tag in tags})
    yield arn("autoscaling", f"autoScalingGroup:0a1b:autoScalingGroupName/{name}"), said


def _of_iam(own: Mapping[str, str]) -> Things:
    known = iam_backends[ACCOUNT]["aws"]
    if name := own.get("RoleName"):
        role = next((one for one in known.roles.values() if one.name == name), None)
        said = tagged(_iam_tags(role.tags) if role else {})
        if role and role.permissions_boundary_arn:
            said["iam:PermissionsBoundary"] = role.permissions_boundary_arn
        yield arn("iam", f"role/{name}"), said
    if name := own.get("InstanceProfileName"):
        profile = next((one for one in known.instance_profiles.values() if one.name == name), None)
        yield arn("iam", f"instance-profile/{name}"), tagged(_iam_tags(profile.tags) if profile else {})


def _iam_tags(tags: Any) -> dict[str, str]:
    """moto keeps them by their keys, or in a list."""
    return {tag["Key"]: tag["Value"] for tag in (tags.values() if isinstance(tags, Mapping) else tags)}


def _of_cloudwatch(call: Call, stack: str) -> Things:
    known = cloudwatch_backends[ACCOUNT][REGION].tagger
    for name in dict.fromkeys(_ALARM.findall(call.body)):
        alarm = arn("cloudwatch", f"alarm:{name}")
        yield alarm, tagged(known.get_tag_dict_for_resource(alarm))
    if "Dashboard" in call.operation:
        yield arn("cloudwatch", f"dashboard/{stack.replace('/', '-')}"), {}


def _of_ssm(values: Mapping[str, str]) -> Things:
    for name in [*json.loads(values.get("Names", "[]")), *(values[key] for key in ("Name", "Path") if key in values)]:
        yield arn("ssm", f"parameter/{name.lstrip('/')}"), {}
    if "InstanceIds" in values:
        yield from (of_ec2(one) for one in json.loads(values["InstanceIds"]))
    if document := values.get("DocumentName"):
        yield arn("ssm", f"document/{document}"), {}
