"""What of a drill is in an account, asked of AWS itself, kind by kind; and how each kind goes.

All of it carries the drill's tag, `phoenix:stack` = drill/STACK, or where a kind has no tags its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from core import package_store
from drill.settings import SERVICE
from rehearsal.scenario.orphans import Clients, list_owned

ALIVE = ["pending", "running", "shutting-down", "stopping", "stopped"]
SWEEP_SECONDS, PAUSE_SECONDS = 1800.0, 10.0
"""Servers drain, a NAT gateway takes minutes, and only then its address and the network can go."""


@dataclass(frozen=True, order=True, kw_only=True)
class Leftover:
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How a kind of EC2's is listed by tag: the call, its list, an item's id, and what is asked beside the tag."""

    call: str
    items: str
    id: str
    more: Mapping[str, Any] | None = None
    states: tuple[str, list[str]] | None = None


EC2: Mapping[str, Listing] = {
    "image": Listing(call="describe_images", items="Images", id="ImageId", more={"Owners": ["self"]}),
    "snapshot": Listing(call="describe_snapshots", items="Snapshots", id="SnapshotId", more={"OwnerIds": ["self"]}),
    "volume": Listing(call="describe_volumes", items="Volumes", id="VolumeId"),
    "launch template": Listing(call="describe_launch_templates", items="LaunchTemplates", id="LaunchTemplateId"),
    "key pair": Listing(call="describe_key_pairs", items="KeyPairs", id="KeyName"),
    "NAT gateway": Listing(
        call="describe_nat_gateways",
        items="NatGateways",
        id="NatGatewayId",
        states=("state", ["pending", "available", "deleting", "failed"]),
    ),
    "address": Listing(call="describe_addresses", items="Addresses", id="AllocationId"),
    "security group": Listing(call="describe_security_groups", items="SecurityGroups", id="GroupId"),
    "subnet": Listing(call="describe_subnets", items="Subnets", id="SubnetId"),
    "route table": Listing(call="describe_route_tables", items="RouteTables", id="RouteTableId"),
    "internet gateway": Listing(call="describe_internet_gateways", items="InternetGateways", id="InternetGatewayId"),
    "VPC": Listing(call="describe_vpcs", items="Vpcs", id="VpcId"),
}


def find_leftovers(cloud: Clients, stack: str) -> list[Leftover]:
    """Everything of SERVICE/STACK that AWS knows."""
    ec2 = cloud.client("ec2")
    mine = [{"Name": "tag:phoenix:stack", "Values": [stack]}]
    found = {Leftover(kind=kind, id=name) for kind, name in list_owned(cloud, stack) if kind not in (*EC2, "instance")}
    for kind, listing in EC2.items():
        # Looked at again here: a filter that is ignored must not make anybody else's a drill's.
        found |= {
            Leftover(kind=kind, id=item[listing.id])
            for item in _listed(ec2, listing, mine)
            if {"Key": "phoenix:stack", "Value": stack} in item.get("Tags", [])
        }
    found |= {
        Leftover(kind="instance", id=one["InstanceId"])
        for page in ec2.get_paginator("describe_instances").paginate(
            Filters=[*mine, {"Name": "instance-state-name", "Values": ALIVE}]
        )
        for held in page["Reservations"]
        for one in held["Instances"]
        if {"Key": "phoenix:stack", "Value": stack} in one.get("Tags", [])
    }
    return sorted(found | set(_named(cloud, stack)), key=lambda one: (ORDER.index(one.kind), one.id))


def _listed(ec2: Any, listing: Listing, mine: list[Any]) -> Iterator[Any]:
    states = [{"Name": listing.states[0], "Values": listing.states[1]}] if listing.states else []
    asked = {"Filters": [*mine, *states], **(listing.more or {})}
    if ec2.can_paginate(listing.call):
        for page in ec2.get_paginator(listing.call).paginate(**asked):
            yield from page[listing.items]
    else:
        yield from getattr(ec2, listing.call)(**asked)[listing.items]


def _named(cloud: Clients, stack: str) -> Iterator[Leftover]:
    """What has no tags: dashboards, log groups, and the lists of packages of images that no other drill has."""
    prefix = stack.replace("/", "-")
    for page in cloud.client("cloudwatch").get_paginator("list_dashboards").paginate(DashboardNamePrefix=prefix):
        yield from (
            Leftover(kind="dashboard", id=one["DashboardName"])
            for one in page["DashboardEntries"]
            if one["DashboardName"] == prefix
        )
    for page in (
        cloud.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/phoenix/{stack}")
    ):
        yield from (Leftover(kind="log group", id=one["logGroupName"]) for one in page["logGroups"])
    others = {
        image["ImageId"]
        for page in cloud.client("ec2")
        .get_paginator("describe_images")
        .paginate(Owners=["self"], Filters=[{"Name": "tag:phoenix:service", "Values": [SERVICE]}])
        for image in page["Images"]
        if {"Key": "phoenix:stack", "Value": stack} not in image["Tags"]
    }
    folder = package_store.parameter_folder(SERVICE)
    for page in cloud.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=folder, Recursive=True):
        yield from (
            Leftover(kind="list of packages", id=one["Name"])
            for one in page["Parameters"]
            if one["Name"].removeprefix(f"{folder}/").partition("/")[0] not in others
        )


def delete_leftovers(
    cloud: Clients,
    stack: str,
    say: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> list[Leftover]:
    """Deletes all of it, again and again, as what a thing waits for goes; returns what is left after half an hour."""
    limit = now() + SWEEP_SECONDS
    there = find_leftovers(cloud, stack)
    while there and now() < limit:
        say(f"to be deleted yet: {', '.join(str(one) for one in there[:6])}{' ...' if len(there) > 6 else ''}")
        for why in [why for one in there if (why := _deleted(cloud, one))][:1]:
            say(f"waits: {why}")
        if there := find_leftovers(cloud, stack):
            sleep(PAUSE_SECONDS)
            there = find_leftovers(cloud, stack)
    return there


def _deleted(cloud: Clients, one: Leftover) -> str:
    """Asks AWS to delete it; why it would not, or nothing."""
    try:
        DELETERS[one.kind](cloud, one.id)
    except ClientError as error:
        return f"{one}: {error.response['Error'].get('Code', '')}"
    return ""


def _by(service: str, call: str, key: str) -> Callable[[Clients, str], None]:
    """A call of a service that takes nothing but the thing's name or id."""

    def delete(cloud: Clients, name: str) -> None:
        getattr(cloud.client(service), call)(**{key: name})

    return delete


def _group(cloud: Clients, name: str) -> None:
    cloud.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


def _instance(cloud: Clients, name: str) -> None:
    cloud.client("ec2").terminate_instances(InstanceIds=[name])


def _internet_gateway(cloud: Clients, name: str) -> None:
    ec2 = cloud.client("ec2")
    [gateway] = ec2.describe_internet_gateways(InternetGatewayIds=[name])["InternetGateways"]
    for one in gateway["Attachments"]:
        ec2.detach_internet_gateway(InternetGatewayId=name, VpcId=one["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=name)


def _route_table(cloud: Clients, name: str) -> None:
    ec2 = cloud.client("ec2")
    [table] = ec2.describe_route_tables(RouteTableIds=[name])["RouteTables"]
    for one in table["Associations"]:
        ec2.disassociate_route_table(AssociationId=one["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=name)


def _role(cloud: Clients, name: str) -> None:
    iam = cloud.client("iam")
    for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=inline)
    iam.delete_role(RoleName=name)


def _instance_profile(cloud: Clients, name: str) -> None:
    iam = cloud.client("iam")
    for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=name)


DELETERS: Mapping[str, Callable[[Clients, str], None]] = {
    "auto-scaling group": _group,
    "instance": _instance,
    "rule": _by("elbv2", "delete_rule", "RuleArn"),
    "listener": _by("elbv2", "delete_listener", "ListenerArn"),
    "load balancer": _by("elbv2", "delete_load_balancer", "LoadBalancerArn"),
    "target group": _by("elbv2", "delete_target_group", "TargetGroupArn"),
    "alarm": lambda cloud, name: cloud.client("cloudwatch").delete_alarms(AlarmNames=[name]),
    "dashboard": lambda cloud, name: cloud.client("cloudwatch").delete_dashboards(DashboardNames=[name]),
    "launch template": _by("ec2", "delete_launch_template", "LaunchTemplateId"),
    "image": _by("ec2", "deregister_image", "ImageId"),
    "snapshot": _by("ec2", "delete_snapshot", "SnapshotId"),
    "volume": _by("ec2", "delete_volume", "VolumeId"),
    "key pair": _by("ec2", "delete_key_pair", "KeyName"),
    "list of packages": _by("ssm", "delete_parameter", "Name"),
    "log group": _by("logs", "delete_log_group", "logGroupName"),
    "NAT gateway": _by("ec2", "delete_nat_gateway", "NatGatewayId"),
    "address": _by("ec2", "release_address", "AllocationId"),
    "security group": _by("ec2", "delete_security_group", "GroupId"),
    "subnet": _by("ec2", "delete_subnet", "SubnetId"),
    "route table": _route_table,
    "internet gateway": _internet_gateway,
    "VPC": _by("ec2", "delete_vpc", "VpcId"),
    "instance profile": _instance_profile,
    "role": _role,
}
ORDER = list(DELETERS)
"""In which they can go: what others hang on comes last."""
