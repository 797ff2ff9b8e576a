"""Images of a stack that nobody needs any more: which go, and their deregistration with their snapshots."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from core import images
from core.images import Image
from core.progress import Progress
from steps.cleanup.tolerant import gone

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import ResourceTypeRequestTypeDef

YOUNG = timedelta(days=1)
# DescribeImageReferences takes so many images, and looks at the 10 newest versions of a launch template unless it is
# told more (EC2 API reference).
IMAGES_AT_ONCE = 10
USERS_OF_IMAGES: Sequence[ResourceTypeRequestTypeDef] = [
    {"ResourceType": "ec2:Instance"},
    {
        "ResourceType": "ec2:LaunchTemplate",
        "ResourceTypeOptions": [{"OptionName": "version-depth", "OptionValues": ["10000"]}],
    },
]


@dataclass(frozen=True, kw_only=True)
class Selection:
    to_deregister: tuple[Image, ...]
    kept: tuple[tuple[Image, str], ...]  # each with why


def select(ours: Sequence[Image], *, used: Collection[str], keep: int, now: datetime) -> Selection:
    """Which images of a stack go, newest first. `used`: ids that a launch template version or an instance names."""
    doomed: list[Image] = []
    kept: list[tuple[Image, str]] = []
    newest = sorted(ours, key=lambda image: (not image.revoked, image.created), reverse=True)
    for place, image in enumerate(newest, start=1):
        if image.revoked:
            kept.append((image, f"it is revoked ({image.revoked})"))
        elif place <= keep:
            kept.append((image, f"among the newest {keep}"))
        elif image.id in used:
            kept.append((image, "a launch template or an instance uses it"))
        elif now - image.created < YOUNG:
            kept.append((image, "younger than a day"))
        else:
            doomed.append(image)
    return Selection(to_deregister=tuple(doomed), kept=tuple(kept))


def find(ec2: EC2Client, *, service: str, stack: str) -> list[Image]:
    """The images that this stack has baked or copied, and that can be launched."""
    found = images.find_images(ec2, {"tag:phoenix:service": service, "tag:phoenix:stack": stack})
    return [image for image in found if image.complete and image.state == "available"]


def used_images(ec2: EC2Client, candidates: Sequence[str]) -> set[str]:
    """Those of `candidates` (ids of images) that a launch template version or an instance of this account and region
    names.

    AWS is asked about the images, so the calls do not grow with what else is in the account (EC2 API reference,
    DescribeImageReferences).
    """
    used: set[str] = set()
    for start in range(0, len(candidates), IMAGES_AT_ONCE):
        pages = ec2.get_paginator("describe_image_references").paginate(
            ImageIds=candidates[start : start + IMAGES_AT_ONCE], ResourceTypes=USERS_OF_IMAGES
        )
        used.update(found["ImageId"] for page in pages for found in page["ImageReferences"])
    return used


def deregister(ec2: EC2Client, progress: Progress, doomed: Sequence[Image]) -> tuple[list[str], list[str]]:
    """Deregisters images, and deletes the snapshots of those that are gone. Returns the ids of both that went."""
    went: list[str] = []
    snapshots: list[str] = []
    for image in doomed:
        if gone(progress, f"{image.id} ({image.name})", partial(ec2.deregister_image, ImageId=image.id)):
            went.append(image.id)
            snapshots += [
                one for one in image.snapshots if gone(progress, one, partial(ec2.delete_snapshot, SnapshotId=one))
            ]
    return went, snapshots
