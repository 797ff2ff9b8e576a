"""Of which images EC2 says that an image was made: a vendor's base, and never one of ours.

EC2 keeps the ancestors of an image, up to a public one of AWS or one that has none (EC2 API reference,
GetImageAncestry). Where it can't be asked, tags and owners alone say it, and that is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from core import aws
from core.base_images import NEVER_OURS
from core.errors import StepError, coded_warning
from core.images import Image
from steps.runtime.command import Context


def refuse_ours(context: Context, base: str) -> None:
    """Raises StepError when the base image descends from an image of ours."""
    ancestors = read(context, base)
    if ours := _ours(context, ancestors):
        raise StepError(
            "PHX-440",
            f"the base image {base} descends from {', '.join(ours)}, which is one of ours",
            why=f"by EC2's records it was made from {' <- '.join(ancestors)}",
            do=NEVER_OURS,
        )


def refuse_other_base(context: Context, image: Image, *, base: str) -> None:
    """Raises StepError when what Packer made was not made from the base image."""
    ancestors = read(context, image.id)
    if ancestors and base not in ancestors:
        raise StepError(
            "PHX-441",
            f"{image.id} was not made from the base image {base}",
            why=f"by EC2's records it was made from {' <- '.join(ancestors)}",
            do="have the template's source_ami be var.source_ami; nothing is launched from the image",
        )


def read(context: Context, image: str) -> Sequence[str]:
    """The ids of an image's ancestors, its parent first; none when it has none, or EC2 can't be asked."""
    try:
        entries = context.aws.ec2.get_image_ancestry(ImageId=image)["ImageAncestryEntries"]
    except (ClientError, BotoCoreError) as error:
        context.progress.line(
            coded_warning("PHX-911", f"the ancestors of {image} are not known: {aws.error_reason(error)}")
        )
        return ()
    return tuple(entry["SourceImageId"] for entry in entries if entry.get("SourceImageId"))


def _ours(context: Context, images: Sequence[str]) -> list[str]:
    """Those that carry our tags, of this account; one that is gone has none any more."""
    if not images:
        return []
    pages = context.aws.ec2.get_paginator("describe_images").paginate(
        Owners=["self"],
        Filters=[{"Name": "image-id", "Values": list(images)}, {"Name": "tag-key", "Values": ["phoenix:service"]}],
    )
    return [image["ImageId"] for page in pages for image in page["Images"]]
