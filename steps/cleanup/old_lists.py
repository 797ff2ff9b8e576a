"""Lists of packages whose images are gone."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core import aws, package_store
from steps.cleanup.old_images import YOUNG
from steps.cleanup.tolerant import gone, stays
from steps.runtime.command import Context

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client


def remove(context: Context, *, service: str, deregistered: Collection[str]) -> list[str]:
    """Removes the lists of packages of images that are gone, and returns which images' lists these were.

    `deregistered`: images that went just now, which AWS may still show. The list of another stays while it is young:
    AWS may show an image a little later than its list was stored.
    """
    ssm, progress = context.aws.ssm, context.progress
    try:
        # Before the images are asked for: the list of one that is made meanwhile is not among these.
        stored = package_store.stored(ssm, service=service)
        there = _registered(context.aws.ec2) - set(deregistered) if stored else set()
    except ClientError as error:
        progress.line(stays("every list of packages", aws.error_reason(error)))
        return []
    new = {image for image, written in stored.items() if context.clock.utc() - written < YOUNG} - set(deregistered)
    return [
        image
        for image in sorted(stored.keys() - there - new)
        if gone(
            progress,
            f"the list of packages of {image}",
            partial(package_store.remove, ssm, service=service, image=image),
        )
    ]


def _registered(ec2: EC2Client) -> set[str]:
    """Every image of this account, also those that somebody disabled and may enable again."""
    pages = ec2.get_paginator("describe_images").paginate(Owners=["self"], IncludeDisabled=True)
    return {image["ImageId"] for page in pages for image in page["Images"]}
