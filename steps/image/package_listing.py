"""What a bake does about packages: an image gets the list that Packer brought home, and is compared with the live one.

Nothing here fails a bake: the image is good without. What is not known is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, images, package_store, packages
from core.errors import coded_warning
from core.images import Image
from core.package_store import TAG, UnknownPackages
from core.provenance import SIGNATURE
from steps.runtime.command import Context

# As many differences are told one by one; all of them are told by `sh steps/run packages`.
LINES = 40


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is known of an image's packages, for people: in the step's result and so in the stack's outputs."""

    hash: str = ""
    count: int = 0
    compared_with: str = ""  # the live image
    difference: str

    def result(self) -> dict[str, object]:
        said = {"hash": self.hash, "count": self.count, "comparedWith": self.compared_with}
        return {**{key: value for key, value in said.items() if value}, "difference": self.difference}


def file(name: str) -> Path:
    """Where Packer leaves the list of the image with this name."""
    return Path.cwd() / ".packer" / f"{name}.packages"


def attach_list(context: Context, image: Image, *, service: str) -> Image:
    """The image with its list stored beside it, if Packer left one on this machine. Also heals a bake that was killed
    between the image and its list. A signature is over the list's hash: what has one gets no list any more."""
    if image.tags.get(TAG) or image.tags.get(SIGNATURE) or not images.name_pattern(service).fullmatch(image.name):
        return image
    try:
        text = file(image.name).read_text(encoding="utf-8")
        count = len(packages.parse_packages(text))
        hashed = package_store.store(context.aws.ssm, context.aws.ec2, text, service=service, image=image.id)
    except FileNotFoundError:
        return image
    except (OSError, ValueError) as error:
        context.progress.line(
            coded_warning("PHX-906", f"the list of packages in {file(image.name)} is of no use: {error}")
        )
        return image
    except (ClientError, BotoCoreError) as error:
        context.progress.line(
            coded_warning(
                "PHX-907",
                f"the list of packages of {image.id} can't be stored: {aws.error_reason(error)}; the next bake on this"
                " machine tries again",
            )
        )
        return image
    context.progress.line(
        f"{image.id} has {count} packages; their list is in {package_store.parameter_path(service, image.id)}"
    )
    return replace(image, tags={**image.tags, TAG: hashed})


def compare(context: Context, image: Image, *, service: str, live: str) -> Listing:
    """What is known of the image's packages beside those of the `live` image (ami-; empty: nothing is live)."""
    ssm, hashed = context.aws.ssm, image.tags.get(TAG, "")
    try:
        new = package_store.read(ssm, service=service, image=image.id, hashed=hashed)
    except UnknownPackages as unknown:
        if _equal(context, hashed, live):
            return _told(context, Listing(hash=hashed, compared_with=live, difference="no package differs"))
        return _told(context, Listing(difference=f"not known: {unknown}"))
    known = Listing(hash=hashed, count=len(new), difference="")
    if not live:
        return _told(context, replace(known, difference="nothing is live to compare with"))
    if live == image.id:
        return _told(context, replace(known, compared_with=live, difference="no package differs: it is the live image"))
    try:
        old = package_store.read(
            ssm, service=service, image=live, hashed=package_store.hashes(context.aws.ec2, [live])[live]
        )
    except (UnknownPackages, ClientError, BotoCoreError) as unknown:
        why = unknown if isinstance(unknown, UnknownPackages) else aws.error_reason(unknown)
        return _told(context, replace(known, difference=f"not compared: {why}"))
    found = packages.difference(old, new)
    for entry in found.entries[:LINES]:
        context.progress.line(entry)
    if len(found.entries) > LINES:
        context.progress.line(f"and {len(found.entries) - LINES} more; sh steps/run packages tells all of them")
    return _told(context, replace(known, compared_with=live, difference=str(found)))


def _equal(context: Context, hashed: str, live: str) -> bool:
    """Whether a list that is not here is, by its hash, the one of the `live` image."""
    try:
        return bool(hashed and live) and package_store.hashes(context.aws.ec2, [live])[live] == hashed
    except (UnknownPackages, ClientError, BotoCoreError):
        return False


def _told(context: Context, listing: Listing) -> Listing:
    beside = f" beside {listing.compared_with}, which is live" if listing.compared_with else ""
    context.progress.line(f"packages{beside}: {listing.difference}")
    return listing
