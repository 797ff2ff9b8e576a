"""An image of ours that is there, or is being made at this moment, saves a bake and a copy alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from core import aws, image_trust, images, revocation
from core.errors import StepError
from core.image_trust import Trust
from core.images import Image
from core.names import shown
from core.release_events import BAKED, Release
from core.times import iso
from steps.image import package_listing, scan
from steps.runtime import parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

# Tags come right after a bake's image; one that lacks them for longer was left by a bake that was killed.
UNTAGGED_SECONDS = 120.0
LOOK_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class WantedImage(CommonOptions):
    """What bake and copy are told of the image that servers are launched from."""

    service: str = option("the service whose image it is", parse=parsers.non_empty)
    fingerprint: str = option("of the image that git describes", parse=parsers.fingerprint)
    max_age_days: int = option("an older image will not do; 0: no limit", parse=parsers.integer(0, 36500), default=0)
    signing_key: str = option(
        "ARN of the KMS key whose signature proves an image; empty: its tags do",
        default="",
        parse=image_trust.parse_key,
    )
    live_image: str = option("ami-... that serves now, to compare packages with; empty: none", default="")
    max_severity: str = option(
        "the highest severity of a vulnerability with a fix that is launched; off: no scan",
        parse=scan.limit,
        default="off",
    )


def trust(wanted: WantedImage, context: Context, *, region: str = "") -> Trust:
    """Which images of a region (the own one) may be used."""
    return image_trust.trust(
        context.aws.session, key=wanted.signing_key, region=region or wanted.region, config=aws.CONFIG
    )


def find_existing(
    wanted: WantedImage, context: Context, *, otherwise: str, seconds: float, trust: Trust, key: str = ""
) -> Image | None:
    """An image with this fingerprint, after another's making of it if there is one. None: `otherwise` (baked, copied).

    `seconds`: how long the making of one may take. `key`: the imageKmsKey that it was baked with; empty: any.
    """
    progress = context.progress.bounded(seconds)
    untagged_since: dict[str, float] = {}
    while True:
        decision = images.decide_reuse(
            trust.judge(with_fingerprint(context.aws.ec2, wanted)),
            fingerprint=wanted.fingerprint,
            now=context.clock.utc(),
            max_age_days=wanted.max_age_days,
            unfinished=timedelta(seconds=seconds),
            key=key,
        )
        if isinstance(decision, images.Reuse):
            image = decision.image
            progress.line(f"{image.id} has the fingerprint {shown(wanted.fingerprint)}, baked at {iso(image.baked_at)}")
            return image
        if isinstance(decision, images.Revoked):
            raise revocation.error(decision.image, stack=wanted.stack)
        if isinstance(decision, images.Bake):
            progress.line(f"an image is {otherwise}: {decision.why}")
            return None
        image = decision.image
        if image.state == "available":
            since = untagged_since.setdefault(image.id, progress.elapsed())
            if progress.elapsed() - since > UNTAGGED_SECONDS:
                progress.line(f"an image is {otherwise}: {image.id} was left unfinished by a bake that was killed")
                return None
        if progress.left() <= 0:
            raise StepError(
                "PHX-415",
                f"another bake or copy of {shown(wanted.fingerprint)} did not end",
                why=f"{image.id} {decision.why}",
            )
        progress.line(f"waiting: {image.id} with the fingerprint {shown(wanted.fingerprint)} {decision.why}")
        context.clock.sleep(LOOK_SECONDS)


def with_fingerprint(ec2: EC2Client, wanted: WantedImage) -> list[Image]:
    """By tags, and by name: a bake's image has its tags only once it is made."""
    by_tags = images.find_images(
        ec2, {"tag:phoenix:service": wanted.service, "tag:phoenix:fingerprint": wanted.fingerprint}
    )
    by_name = images.find_images(ec2, {"name": f"{wanted.service}-{wanted.fingerprint}-*"})
    return list({image.id: image for image in (*by_tags, *by_name)}.values())


def pinned(wanted: WantedImage, context: Context, name: str, trust: Trust) -> Image:
    """The image that somebody named. Raises StepError when there is none such, or it is revoked or not trusted."""
    ours = images.of_service(context.aws.ec2, wanted.service)
    found = images.select_pinned(ours, name, service=wanted.service)
    revocation.refuse(ours, found, stack=wanted.stack)
    return trust.require(found)


def result(wanted: WantedImage, context: Context, image: Image, **how: bool) -> Mapping[str, object]:
    """What bake and copy put on stdout. `how`: `baked` or `copied`, and whether it was."""
    listed = package_listing.attach_list(context, image, service=wanted.service)
    packages = package_listing.compare(context, listed, service=wanted.service, live=wanted.live_image)
    if any(how.values()):
        made = Release(stack=wanted.stack).knowing({**listed.tags, "phoenix:image": listed.id})
        context.notify(made.event(BAKED, at=context.clock.utc()))
    return {
        "image": listed.id,
        "fingerprint": listed.fingerprint,
        "base": listed.tags["phoenix:base"],
        "baseName": listed.tags["phoenix:base-name"],
        "baseDate": listed.tags.get("phoenix:base-date", ""),
        "commit": listed.tags["phoenix:commit"],
        "tree": listed.tags["phoenix:tree"],
        "bakedAt": iso(listed.baked_at),
        "rootDevice": listed.root_device,
        "packages": packages.result(),
        **how,
    }
