"""What a bake that was killed leaves in the account: Packer's build instance, its volume, key pair and security group,
an image without its tags, and snapshots whose image is gone; and the image of a copy that failed.

All of it carries the tags of the bake, except an image that was killed before it had them: that has the name that
bakes give. What carries neither may be anybody's, and is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core import images
from core.times import parse_time

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

ALIVE = ["pending", "running", "stopping", "stopped"]

# In this order: a volume and a security group are free once the instance is gone, a snapshot once the image is.
KINDS = ("instance", "image", "volume", "snapshot", "key pair", "security group")


@dataclass(frozen=True, kw_only=True)
class Leftover:
    kind: str  # of KINDS
    id: str
    began: datetime | None  # when its bake began, or AWS made it; None: nobody knows
    snapshots: tuple[str, ...] = ()  # of an image, which go with it: they may lack tags too

    def __str__(self) -> str:
        return f"the {self.kind} {self.id}, left by a bake"


def select_old(found: Iterable[Leftover], *, used: Collection[str], before: datetime) -> list[Leftover]:
    """Those that no running bake can still need and nothing uses, in the order in which they can be taken away."""
    free = [one for one in found if one.began is not None and one.began < before and one.id not in used]
    return sorted(free, key=lambda one: (KINDS.index(one.kind), one.id))


def find(ec2: EC2Client, *, service: str, stack: str) -> list[Leftover]:
    """Everything in the account that a bake of this service and stack made and that is not an image in order."""
    ours = [
        {"Name": "tag:phoenix:service", "Values": [service]},
        {"Name": "tag:phoenix:stack", "Values": [stack]},
        # Servers carry tags of their own, and never this one.
        {"Name": "tag-key", "Values": ["phoenix:baked-at"]},
    ]
    everything = images.find_images(ec2, {})
    kept = {snapshot for image in everything for snapshot in image.snapshots}
    named = images.name_pattern(service)
    tagged = {"phoenix:service": service, "phoenix:stack": stack}
    unfinished = [
        image
        for image in everything
        if (not image.complete or image.state in images.FAILED)
        and (named.fullmatch(image.name) or tagged.items() <= image.tags.items())
    ]
    return [
        *_listed(ec2, "describe_instances", [*ours, {"Name": "instance-state-name", "Values": ALIVE}]),
        *(Leftover(kind="image", id=image.id, began=image.created, snapshots=image.snapshots) for image in unfinished),
        *_listed(ec2, "describe_volumes", [*ours, {"Name": "status", "Values": ["available"]}]),
        *(one for one in _listed(ec2, "describe_snapshots", ours) if one.id not in kept),
        *_listed(ec2, "describe_key_pairs", ours),
        *_listed(ec2, "describe_security_groups", ours),
    ]


def delete(ec2: EC2Client, leftover: Leftover) -> None:
    match leftover.kind:
        case "instance":
            ec2.terminate_instances(InstanceIds=[leftover.id])
        case "image":
            ec2.deregister_image(ImageId=leftover.id)
            for snapshot in leftover.snapshots:
                ec2.delete_snapshot(SnapshotId=snapshot)
        case "volume":
            ec2.delete_volume(VolumeId=leftover.id)
        case "snapshot":
            ec2.delete_snapshot(SnapshotId=leftover.id)
        case "key pair":
            ec2.delete_key_pair(KeyName=leftover.id)
        case "security group":
            ec2.delete_security_group(GroupId=leftover.id)


# Each call, with the key of its list, of an item's id and of its date.
CALLS: Mapping[str, tuple[str, str, str, str]] = {
    "describe_instances": ("instance", "Instances", "InstanceId", "LaunchTime"),
    "describe_volumes": ("volume", "Volumes", "VolumeId", "CreateTime"),
    "describe_snapshots": ("snapshot", "Snapshots", "SnapshotId", "StartTime"),
    "describe_key_pairs": ("key pair", "KeyPairs", "KeyName", "CreateTime"),
    "describe_security_groups": ("security group", "SecurityGroups", "GroupId", ""),
}


def _listed(ec2: EC2Client, call: str, filters: Sequence[Mapping[str, Any]]) -> Iterator[Leftover]:
    kind, items, id_key, date_key = CALLS[call]
    for item in _items(ec2, call, items, filters):
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
        # A copy's tags tell when the original was baked.
        known = [when for when in (parse_time(tags.get("phoenix:baked-at", "")), item.get(date_key)) if when]
        began = max(known, default=None)
        yield Leftover(kind=kind, id=item[id_key], began=began)


def _items(ec2: Any, call: str, items: str, filters: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    own = {"OwnerIds": ["self"]} if call == "describe_snapshots" else {}
    if not ec2.can_paginate(call):
        yield from getattr(ec2, call)(Filters=filters, **own)[items]
        return
    for page in ec2.get_paginator(call).paginate(Filters=filters, **own):
        if call == "describe_instances":
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]
        else:
            yield from page[items]
