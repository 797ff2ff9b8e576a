"""The images of a service that exist, and which of them servers are born from: reused, pinned, or yet to be baked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from core import image_files
from core.fingerprint import Files
from core.git import GitError
from core.images import root_gib
from core.names import AMI, FINGERPRINT
from plan.checks import vendor_support
from plan.config.constraints import problem
from plan.config.settings import Settings
from plan.readers.live_state import parse_time
from plan.server_spec import image_fingerprint

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client


class ImageError(Exception):
    """There is no such image, or nothing to bake one from; the text says what to type."""


@dataclass(frozen=True)
class Image:
    """A machine image of a service."""

    id: str
    fingerprint: str
    baked_at: datetime | None
    key: str = ""  # the `imageKmsKey` that it was baked with
    shared_by: str = ""  # the stack that shares it with other accounts
    gib: int = 0  # size of its root volume; 0: not known

    def days(self, now: datetime) -> float:
        """Its age in days; without a date it is as old as can be."""
        return (now - self.baked_at).total_seconds() / 86400 if self.baked_at else float("inf")


@dataclass(frozen=True)
class ImageSource:
    """Where the image of the servers comes from."""

    fingerprint: str
    description: str  # for the flight plan
    needs_bake: bool = False
    image_ids: tuple[str, ...] = ()  # ids of the images of the service that are there
    image: str = ""  # its id; empty when it is yet to be baked or copied
    is_shared: bool = False  # whether this stack shares any of the known with other accounts
    problem: str = ""  # why nobody can be born from it
    gib: int = 0  # size of the image that is there, or is copied; 0: not known
    notes: tuple[str, ...] = ()  # what whoever chose it must know of what it is made of


def select_source(ec2: EC2Client, settings: Settings, folder: Path, *, now: datetime) -> ImageSource:
    """The image that these settings ask for; `folder` is the project's. Raises `ImageError`."""
    known = list_available(ec2, service=settings.service)
    return replace(
        _wanted(known, settings, folder, now=now),
        image_ids=tuple(image.id for image in known),
        is_shared=any(image.shared_by == settings.identity for image in known),
    )


def _wanted(known: Sequence[Image], settings: Settings, folder: Path, *, now: datetime) -> ImageSource:
    if settings.image:
        return pinned_source(known, settings)
    files = _files(settings, folder)
    # A copy is as good with any key; what is baked here may have to be shared.
    key = "" if settings.image_from else settings.image_kms_key
    chosen = choose_source(known, image_fingerprint(files, settings), settings.max_age_days, now, key=key)
    return replace(chosen, notes=vendor_support.notes(files, settings.base_image))


def _files(settings: Settings, folder: Path) -> Files:
    try:
        return image_files.read_image_files(folder / settings.image_dir)
    except FileNotFoundError as missing:
        raise ImageError(
            problem(
                "imageDir",
                settings.image_dir,
                f"must hold the Packer template and its scripts; {missing}",
                "pulumi config set imageDir image",
            )
        ) from None
    except GitError as error:
        raise ImageError(
            problem(
                "imageDir",
                settings.image_dir,
                "must be a folder about which git can be asked, since its files decide"
                f" which image it is; git says: {error.why}",
                error.do,
            )
        ) from None
    except image_files.ImageFilesError as error:
        raise ImageError(
            "\n".join(
                [
                    f"what is in imageDir ({settings.image_dir}) can't be baked; nothing was changed:",
                    *(problem("imageDir", one.names, one.rule, one.fix) for one in error.refusals),
                ]
            )
        ) from None


def pinned_source(known: Sequence[Image], settings: Settings) -> ImageSource:
    """The image that `image` names. Raises `ImageError` when this service has none such."""
    found = [image for image in known if settings.image in (image.id, image.fingerprint)]
    if not found and settings.image_from and FINGERPRINT.fullmatch(settings.image):
        return ImageSource(settings.image, f"there is none with fingerprint {settings.image}", needs_bake=True)
    if not found or not found[0].fingerprint:
        there = ", ".join(f"{image.fingerprint} ({image.id})" for image in known[:5]) or "none"
        raise ImageError(
            f"  image = {settings.image!r}: must be an image of the service {settings.service!r} in {settings.region}"
            f" that is available; there are: {there}.\n"
            "      type: pulumi config rm image   (bakes it from git; git revert brings old scripts back)"
        )
    image = found[0]
    how = "by its id" if AMI.fullmatch(settings.image) else "by its fingerprint"
    return ImageSource(
        image.fingerprint,
        f"{image.id}, pinned {how}, fingerprint {image.fingerprint}; nothing is baked",
        image=image.id,
        gib=image.gib,
    )


def choose_source(
    known: Sequence[Image], wanted: str, max_age_days: int, now: datetime, *, key: str = ""
) -> ImageSource:
    """Reuse of the newest image with the fingerprint that git gives, or a bake, and why. `key`: none other will do."""
    there = [image for image in known if image.fingerprint == wanted]
    found = next((image for image in there if key in ("", image.key)), None)
    if found is None and there:
        return ImageSource(
            wanted, f"baked from scratch: {there[0].id} was not baked with this imageKmsKey", needs_bake=True
        )
    if found is None:
        return ImageSource(wanted, f"baked from scratch: there is none with fingerprint {wanted}", needs_bake=True)
    days = found.days(now)
    if max_age_days and days > max_age_days:
        return ImageSource(
            wanted,
            f"baked from scratch: {found.id} is {days:.0f} days old, maxAgeDays is {max_age_days}",
            needs_bake=True,
        )
    return ImageSource(
        wanted,
        f"{found.id} is reused: fingerprint {wanted}, {days:.1f} days old; nothing is baked",
        image=found.id,
        gib=found.gib,
    )


def list_available(ec2: EC2Client, *, service: str) -> list[Image]:
    """The available images of a service in this account, newest first."""
    pages = ec2.get_paginator("describe_images").paginate(
        Owners=["self"],
        Filters=[{"Name": "tag:phoenix:service", "Values": [service]}, {"Name": "state", "Values": ["available"]}],
    )
    found = []
    for page in pages:
        for image in page["Images"]:
            tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
            baked = parse_time(tags.get("phoenix:baked-at"))
            found.append(
                Image(
                    image["ImageId"],
                    tags.get("phoenix:fingerprint", ""),
                    baked,
                    key=tags.get("phoenix:kms-key", ""),
                    shared_by=tags.get("phoenix:shared-by", ""),
                    gib=root_gib(image),
                )
            )
    return sorted(found, key=lambda image: image.baked_at or datetime.min.replace(tzinfo=UTC), reverse=True)
