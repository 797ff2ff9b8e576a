"""Our own images: what their tags say, and whether one of them saves a bake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from core.errors import StepError
from core.names import FINGERPRINT, TYPED_FINGERPRINT, shown
from core.times import iso, parse_time

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import ImageTypeDef


def tags(
    *,
    service: str,
    stack: str,
    fingerprint: str,
    base: str,
    base_name: str,
    commit: str,
    tree: str,
    baked_at: str,
    base_date: str = "",
    kms_key: str = "",
    baked_by: str = "",
) -> dict[str, str]:
    """What is put on an image, its snapshots, and Packer's build instance and volume alike."""
    return {
        "phoenix:service": service,
        "phoenix:stack": stack,
        "phoenix:fingerprint": fingerprint,
        "phoenix:base": base,
        "phoenix:base-name": base_name,
        "phoenix:commit": commit,
        "phoenix:tree": tree,
        "phoenix:baked-at": baked_at,
        **({"phoenix:base-date": base_date} if base_date else {}),
        **({"phoenix:kms-key": kms_key} if kms_key else {}),
        **({BAKED_BY: baked_by} if baked_by else {}),
    }


# Who baked it ahead of the update that finds it (`make bake`), as whoever started that bake said: `pull request 42`.
BAKED_BY = "phoenix:baked-by"
# An image that lacks one of them was left by a bake that was killed before it had put its tags on.
COMPLETE = tuple(tags(service="", stack="", fingerprint="", base="", base_name="", commit="", tree="", baked_at=""))


# Of an image that has no signature (yet).
UNSIGNED = "it is not signed"
# Names the stack that shares an image with other accounts.
SHARED_BY = "phoenix:shared-by"
# When somebody revoked an image, and why; empty when that was taken back (core/revocation.py).
REVOKED = "phoenix:revoked"
# AWS refuses whoever's clock is further off (IAM user guide, "Signature Version 4", "Request timestamp").
CLOCKS = timedelta(minutes=5)
# Nobody will ever be launched from one in such a state.
FAILED = ("failed", "error", "invalid")


@dataclass(frozen=True, kw_only=True)
class Image:
    id: str
    name: str
    state: str
    created: datetime
    root_device: str = "/dev/sda1"
    root_gib: int = 0  # size of its root volume; 0: not known
    snapshots: tuple[str, ...] = ()
    description: str = ""
    why: str = ""  # AWS's reason for its state, if it gives one
    owner: str = ""  # the account
    # By EC2's own records: of which image it is a copy, or from which server of which image it was made.
    source_image: str = ""
    source_region: str = ""
    source_instance: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""  # why imageSigningKey does not prove it

    @property
    def distrust(self) -> str:
        """Why no server may be launched from it; empty when one may."""
        late = self.baked_at - self.created > CLOCKS
        return (
            f"its tag says that it was baked at {iso(self.baked_at)}; EC2 made it at {iso(self.created)}"
            if late
            else self.doubt
        )

    @property
    def complete(self) -> bool:
        return all(self.tags.get(key) for key in COMPLETE)

    @property
    def fingerprint(self) -> str:
        return self.tags.get("phoenix:fingerprint", "")

    @property
    def is_usable(self) -> bool:
        """Whether servers can be launched from it."""
        return self.state == "available" and self.complete

    @property
    def shared_by(self) -> str:
        """The stack that shares it with other accounts, if any."""
        return self.tags.get(SHARED_BY, "")

    @property
    def revoked(self) -> str:
        """When it was revoked and why; empty when it is not."""
        return self.tags.get(REVOKED, "").strip()

    @property
    def baked_by(self) -> str:
        """Who baked it ahead of an update; empty when an update did, or nobody said."""
        return self.tags.get(BAKED_BY, "")

    @property
    def key(self) -> str:
        """The imageKmsKey that it was baked with, if any."""
        return self.tags.get("phoenix:kms-key", "")

    @property
    def baked_at(self) -> datetime:
        """When its bake began; when AWS made it, if its tags don't say."""
        return parse_time(self.tags.get("phoenix:baked-at", "")) or self.created

    def days(self, now: datetime) -> float:
        """Its age in days: a copy is as old as its original."""
        return (now - self.baked_at) / timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Reuse:
    image: Image


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Somebody else is baking the same; `image` is what they have so far."""

    image: Image
    why: str


@dataclass(frozen=True, kw_only=True)
class Bake:
    why: str


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """Nobody is to be launched from an image with this fingerprint; `image` is one that says so."""

    image: Image


Decision = Reuse | Wait | Bake | Revoked


def name(service: str, fingerprint: str, now: datetime) -> str:
    """The name of a new image. A name that exists halts Packer, hence the time."""
    return f"{service}-{fingerprint}-{now.astimezone(UTC):%Y%m%d%H%M%S}"


def named_time(name: str) -> str:
    """When the bake began that gave an image this name, as its tag `phoenix:baked-at` has it; empty: it is no time."""
    digits = name.rpartition("-")[2]
    found = parse_time(f"{digits[:8]}T{digits[8:]}Z")
    return iso(found) if found else ""


def name_pattern(service: str) -> re.Pattern[str]:
    """Matches every name that `name` gives to images of this service."""
    return re.compile(re.escape(service) + rf"-{FINGERPRINT.pattern}-[0-9]{{14}}")


def newest_first(images: Iterable[Image]) -> list[Image]:
    """By when they were baked, so that a copy made today of an old image does not pass for a new one."""
    return sorted(images, key=lambda image: (image.baked_at, image.created), reverse=True)


def choose_image(
    images: Iterable[Image], *, fingerprint: str, now: datetime, max_age_days: int, key: str = ""
) -> Reuse | Bake:
    """The newest of `images` with a fingerprint, or why none saves a bake.

    `max_age_days`: an older one does not; 0 is no limit. `key`: the imageKmsKey that it must have been baked with;
    empty: any.
    """
    named = [image for image in newest_first(images) if image.is_usable and image.fingerprint == fingerprint]
    whole = [image for image in named if not image.distrust]
    found = next((image for image in whole if key in ("", image.key)), None)
    if named and not whole:
        return Bake(why=f"{named[0].id} is not trusted: {named[0].distrust}")
    if found is None:
        return Bake(
            why=f"{whole[0].id} was not baked with this imageKmsKey"
            if whole
            else f"there is none with fingerprint {shown(fingerprint)}"
        )
    days = found.days(now)
    if max_age_days and days > max_age_days:
        return Bake(why=f"{found.id} is {days:.0f} days old, maxAgeDays is {max_age_days}")
    return Reuse(image=found)


def decide_reuse(
    images: Sequence[Image],
    *,
    fingerprint: str,
    now: datetime,
    max_age_days: int,
    unfinished: timedelta,
    key: str = "",
) -> Decision:
    """As `choose_image`, but that somebody else's making of one is waited for, and a revoked one is told.

    `images`: of any state, all with this fingerprint, in tags or name. `unfinished`: how old an image may be that is
    pending, or available without all its tags, and still be expected to be finished by whoever bakes it.
    """
    if revoked := find_revoked(images, fingerprint):
        return Revoked(image=revoked)
    choice = choose_image(images, fingerprint=fingerprint, now=now, max_age_days=max_age_days, key=key)
    if isinstance(choice, Reuse):
        return choice
    for image in sorted(images, key=lambda image: image.created, reverse=True):
        if now - image.created <= unfinished:
            if image.state == "pending":
                return Wait(image=image, why="is being made by another bake")
            if image.state == "available" and not image.complete:
                return Wait(image=image, why="is made, and its tags are awaited")
            if image.state == "available" and image.doubt == UNSIGNED:
                return Wait(image=image, why="is made, and its signature is awaited")
    return choice


def find_revoked(images: Iterable[Image], fingerprint: str) -> Image | None:
    """The image, if any, that says that its fingerprint is revoked: what is baked of it again would be the same."""
    return next((image for image in images if image.revoked and image.fingerprint == fingerprint), None)


def find_pinned(images: Iterable[Image], wanted: str) -> Image | None:
    """The newest image that `wanted` (an ami-, a fingerprint, or the first digits of one) names, whatever its age.

    Raises StepError when these are the first digits of several fingerprints.
    """
    named = [image for image in newest_first(images) if image.is_usable and _names(wanted, image)]
    refuse_ambiguous(wanted, named)
    return named[0] if named else None


def _names(wanted: str, image: Image) -> bool:
    return image.id == wanted or bool(TYPED_FINGERPRINT.fullmatch(wanted) and image.fingerprint.startswith(wanted))


def refuse_ambiguous(wanted: str, named: Iterable[Image]) -> None:
    """Raises StepError when `wanted` names images of several fingerprints."""
    several = sorted({image.fingerprint for image in named})
    if len(several) > 1:
        raise StepError(
            "PHX-428",
            f"{len(several)} fingerprints begin with {wanted}",
            why=f"they are {', '.join(several)}",
            do="name the one that is meant with all its digits",
        )


def select_pinned(images: Sequence[Image], wanted: str, *, service: str) -> Image:
    """The same. Raises StepError also when this service has none such."""
    found = find_pinned(images, wanted)
    if found is None:
        there = sorted({shown(image.fingerprint) for image in images if image.complete})
        raise StepError(
            "PHX-401",
            f"there is no available image {wanted} of the service {service} in this account",
            why=f"there are: {', '.join(there)}" if there else "there is none at all",
            do="pulumi config rm image (bakes what git says), or name one that exists",
        )
    return found


def image_problem(found: Sequence[Image], image_id: str, expected: Mapping[str, str]) -> str:
    """What is wrong with the image that Packer named; empty when nothing is."""
    if not found:
        return f"{image_id} does not exist in this account"
    if found[0].state != "available":
        return f"{image_id} is {found[0].state}"
    missing = [f"{key}={value}" for key, value in expected.items() if found[0].tags.get(key) != value]
    return f"{image_id} lacks the tags {', '.join(missing)}" if missing else ""


def find_images(ec2: EC2Client, filters: Mapping[str, str]) -> list[Image]:
    """Images of this account, of any state, by EC2's filters (`tag:phoenix:service`, `name` with `*`, ...)."""
    pages = ec2.get_paginator("describe_images").paginate(
        Owners=["self"], Filters=[{"Name": key, "Values": [value]} for key, value in filters.items()]
    )
    return [parse_image(image) for page in pages for image in page["Images"]]


def of_service(ec2: EC2Client, service: str) -> list[Image]:
    return find_images(ec2, {"tag:phoenix:service": service})


def list_available(ec2: EC2Client, *, service: str) -> list[Image]:
    """The available images of a service in this account, newest first."""
    return newest_first(find_images(ec2, {"tag:phoenix:service": service, "state": "available"}))


def parse_image(image: ImageTypeDef) -> Image:
    devices = image.get("BlockDeviceMappings", [])
    snapshots = (device.get("Ebs", {}).get("SnapshotId", "") for device in devices)
    return Image(
        id=image["ImageId"],
        name=image.get("Name", ""),
        state=image.get("State", ""),
        created=parse_time(image.get("CreationDate", "")) or datetime.fromtimestamp(0, UTC),
        root_device=image.get("RootDeviceName", "/dev/sda1"),
        root_gib=root_gib(image),
        snapshots=tuple(snapshot for snapshot in snapshots if snapshot),
        description=image.get("Description", ""),
        owner=image.get("OwnerId", ""),
        source_image=image.get("SourceImageId", ""),
        source_region=image.get("SourceImageRegion", ""),
        source_instance=image.get("SourceInstanceId", ""),
        why=image.get("StateReason", {}).get("Message", ""),
        tags={tag["Key"]: tag["Value"] for tag in image.get("Tags", [])},
    )


def root_gib(image: ImageTypeDef) -> int:
    """GiB of an image's root volume, which no server's disk can be smaller than; 0 when AWS does not say."""
    devices, root = image.get("BlockDeviceMappings", []), image.get("RootDeviceName", "")
    sizes = (device.get("Ebs", {}).get("VolumeSize", 0) for device in devices if device.get("DeviceName") == root)
    return max(sizes, default=0)
