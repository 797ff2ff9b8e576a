"""Deregisters this stack's old images with their snapshots and lists of packages, and takes away what killed bakes
and updates left behind.

Kept are: the newest --image-keep, whatever any launch template version or instance of this account uses, whatever
is younger than a day (another update may be about to use it), and what is revoked, for it says so. Groups among
--orphans go, but for --group and those that production knows: these are the engine's to delete. So does what nobody
knows and no group exists on. What can't be taken away is told, and does not fail the step: the next update tries again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core import aws, images, listener_rules, package_store, server_groups
from core.errors import StepError, coded
from core.images import Image
from core.progress import Progress
from steps.cleanup import sweep
from steps.image import leftovers
from steps.image.leftovers import Leftover
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import ResourceTypeRequestTypeDef
    from types_boto3_ssm import SSMClient

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
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    image_keep: int = option(
        "how many of the newest images stay, used or not", parse=parsers.integer(1, 1000), default=5
    )
    group: str = option("name of the active color's auto-scaling group", default="")
    listener: str = option("ARN of the listener", default="")
    orphans: tuple[str, ...] = option(
        "JSON list: groups to delete, if production does not know them; sgr-, lt- and sg- ids; ARNs of what else goes",
        parse=parsers.json_names,
        default=(),
    )


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


def prune(options: Options, context: Context) -> dict[str, object]:
    ec2, progress = context.aws.ec2, context.progress
    now = context.clock.utc()
    ours = [
        image
        for image in images.find_images(
            ec2, {"tag:phoenix:service": options.service, "tag:phoenix:stack": options.stack}
        )
        if image.complete and image.state == "available"
    ]
    found = leftovers.find(ec2, service=options.service, stack=options.stack)
    candidates = [image.id for image in select(ours, used=(), keep=options.image_keep, now=now).to_deregister]
    candidates += [one.id for one in leftovers.select_old(found, used=(), before=now - YOUNG) if one.kind == "image"]
    # Without this answer nothing may go, so it is no warning when it can't be had.
    used = used_images(ec2, candidates)
    verdict = select(ours, used=used, keep=options.image_keep, now=now)
    for image, why in verdict.kept:
        progress.line(f"{image.id} ({image.name}) stays: {why}")

    deregistered: list[str] = []
    snapshots: list[str] = []
    for image in verdict.to_deregister:
        if _gone(progress, f"{image.id} ({image.name})", _deregister(ec2, image)):
            deregistered.append(image.id)
            snapshots += [one for one in image.snapshots if _gone(progress, one, _delete_snapshot(ec2, one))]

    left = leftovers.select_old(found, used=used, before=now - YOUNG)
    taken = [one for one in left if _gone(progress, str(one), _take(ec2, one))]
    acts = {one: act for one in options.orphans if (act := sweep.deleter_for(context.aws, one))}
    swept = _sweep(options, context) if len(acts) < len(options.orphans) else []
    things = [one for one, act in acts.items() if _gone(progress, f"{one}, which no state knows,", act)]
    return {
        "deregistered": deregistered,
        "snapshots": snapshots,
        "kept": [image.id for image, _ in verdict.kept],
        "leftovers": [one.id for one in taken],
        "lists": _lists(options, context, gone=deregistered),
        "groups": swept,
        "orphans": things,
    }


def _sweep(options: Options, context: Context) -> list[str]:
    """Deletes groups that an update left which was killed, or went back. Returns their names."""
    known = frozenset(
        arn
        for rule in listener_rules.read_rules(context.aws, options.listener)
        if rule.tags.get("phoenix:rule") != "preview"
        for arn in rule.weights
    )
    everything = server_groups.read_groups(context.aws, options.stack)
    left = sweep.unused_names(everything, names=options.orphans, ours=options.group, known=known)
    try:
        sweep.delete(context.aws, left, context.progress, listener=options.listener)
    except (ClientError, StepError) as error:
        why = aws.error_reason(error) if isinstance(error, ClientError) else error
        context.progress.line(_stays(", ".join(one.name for one in left), why))
        return []
    return [one.name for one in left]


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


def _lists(options: Options, context: Context, *, gone: Collection[str]) -> list[str]:
    """Removes the lists of packages of images that are gone, and returns which images' lists these were."""
    ssm, progress = context.aws.ssm, context.progress
    try:
        # Before the images are asked for: the list of one that is made meanwhile is not among these.
        stored = package_store.stored(ssm, service=options.service)
        there = _registered(context.aws.ec2) - set(gone) if stored else set()
    except ClientError as error:
        progress.line(_stays("every list of packages", aws.error_reason(error)))
        return []
    # AWS may show an image a little later than its list was stored.
    young = {image for image, written in stored.items() if context.clock.utc() - written < YOUNG} - set(gone)
    return [
        image
        for image in sorted(stored.keys() - there - young)
        if _gone(progress, f"the list of packages of {image}", _remove(ssm, options.service, image))
    ]


def _registered(ec2: EC2Client) -> set[str]:
    """Every image of this account, also those that somebody disabled and may enable again."""
    pages = ec2.get_paginator("describe_images").paginate(Owners=["self"], IncludeDisabled=True)
    return {image["ImageId"] for page in pages for image in page["Images"]}


def _stays(what: str, why: object) -> str:
    return "warning: " + coded("PHX-905", f"{what} stays for now: {why}")


def _gone(progress: Progress, what: str, act: Callable[[], object]) -> bool:
    """Whether it is gone now; when AWS refuses, says so and goes on."""
    try:
        act()
    except ClientError as error:
        if ".NotFound" in aws.error_code(error) or aws.error_code(error) in (
            "InvalidAMIID.Unavailable",
            "NoSuchEntity",
        ):
            return True
        progress.line(_stays(what, aws.error_reason(error)))
        return False
    except StepError as error:
        progress.line(_stays(what, error))
        return False
    progress.line(f"{what} is gone")
    return True


def _deregister(ec2: EC2Client, image: Image) -> Callable[[], object]:
    return lambda: ec2.deregister_image(ImageId=image.id)


def _delete_snapshot(ec2: EC2Client, snapshot: str) -> Callable[[], object]:
    return lambda: ec2.delete_snapshot(SnapshotId=snapshot)


def _remove(ssm: SSMClient, service: str, image: str) -> Callable[[], object]:
    return lambda: package_store.remove(ssm, service=service, image=image)


def _take(ec2: EC2Client, leftover: Leftover) -> Callable[[], object]:
    return lambda: leftovers.delete(ec2, leftover)


if __name__ == "__main__":
    sys.exit(command.run_step("prune", __doc__, Options, prune))
