"""Revokes a fingerprint: no stack of this account and region launches from its images any more, whoever asks for it.

Each image of the service with that fingerprint gets the tag `phoenix:revoked`, and other accounts that share it see it
in its description. What runs goes on: its plan says so, and a flip takes it away. --undo true takes it back. By hand
only: no update runs it. A region or account that has a copy of the image has to be told for itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core import image_sharing, images, revocation
from core.errors import StepError
from core.images import Image
from core.names import SHOWN_DIGITS, TYPED_FINGERPRINT, shown
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client


def _typed(text: str) -> str:
    if not TYPED_FINGERPRINT.fullmatch(text):
        raise ValueError(f"not the {SHOWN_DIGITS} digits of a fingerprint that are shown, or more of it")
    return text


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    fingerprint: str = option(f"of the image: its first {SHOWN_DIGITS} digits or more", parse=_typed)
    reason: str = option("why, for whoever meets it", parse=revocation.parse_reason, default="")
    undo: bool = option("true takes the revocation back", parse=parsers.boolean, default=False)


def revoke(options: Options, context: Context) -> dict[str, object]:
    ec2 = context.aws.ec2
    named = select(images.of_service(ec2, options.service), options.fingerprint, service=options.service)
    wanted = "" if options.undo else revocation.mark(context.clock.utc(), options.reason)
    for image in named:
        if bool(image.revoked) == bool(wanted):
            context.progress.line(f"{image.id} ({image.name}) is {_state(image)} already")
            continue
        marked = replace(image, tags={**image.tags, images.REVOKED: wanted})
        _mark(ec2, marked)
        context.progress.line(f"{image.id} ({image.name}) is {_state(marked)}")
    return {"fingerprint": named[0].fingerprint, "images": sorted(image.id for image in named), "revoked": wanted}


def select(ours: Sequence[Image], prefix: str, *, service: str) -> list[Image]:
    """The images, of any state, whose fingerprint begins so. Raises StepError for none, and for several of them."""
    named = [image for image in images.newest_first(ours) if image.fingerprint.startswith(prefix)]
    images.refuse_ambiguous(prefix, named)
    if not named:
        newest = images.newest_first(ours)
        there = list(dict.fromkeys(shown(image.fingerprint) for image in newest if image.fingerprint))
        raise StepError(
            "PHX-910",
            f"no image of the service {service} in this account and region has a fingerprint that begins with {prefix}",
            why=f"there are: {', '.join(there)}" if there else "there is none at all",
            do="name one that exists: make history STACK=... shows those of a stack",
        )
    return named


def _state(image: Image) -> str:
    return f"revoked ({image.revoked})" if image.revoked else "not revoked"


def _mark(ec2: EC2Client, image: Image) -> None:
    """The tag first: it is what this account goes by."""
    ec2.create_tags(Resources=[image.id], Tags=[{"Key": images.REVOKED, "Value": image.tags[images.REVOKED]}])
    if image.shared_by:
        ec2.modify_image_attribute(ImageId=image.id, Description={"Value": image_sharing.description(image.tags)})


if __name__ == "__main__":
    sys.exit(command.run_step("revoke", __doc__, Options, revoke))
