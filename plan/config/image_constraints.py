"""The rules that join keys about the image."""

from __future__ import annotations

import re

from core import base_images, partitions
from core.errors import problem
from plan.config.constraint import BrokenConstraints
from plan.config.settings import Settings


def image_constraints(s: Settings) -> BrokenConstraints:
    """About what an image is baked from, its key, and who gets it."""
    yield from _base_image_constraints(s)
    yield from _key_constraints(s)
    yield from _disk_constraints(s)


def _base_image_constraints(s: Settings) -> BrokenConstraints:
    here = partitions.of(s.region)
    if s.base_image in base_images.VENDORS and s.base_image not in base_images.known_names(here) and not s.image_from:
        yield (
            ("baseImage",),
            problem(
                "PHX-114",
                "baseImage",
                s.base_image,
                f"must be an image whose vendor's account is known in {here}, the partition of"
                f" {s.region} ({', '.join(base_images.known_names(here)) or 'none is'}), or one that you know to be its"
                " vendor's, by its id",
                f"pulumi config set baseImage {(base_images.known_names(here) or ['ami-...'])[0]}",
            ),
        )
    if s.base_image.startswith("debian-") and s.packer_variables.get("session_manager_profile"):
        yield (
            ("baseImage", "packerVariables"),
            problem(
                "PHX-310",
                "packerVariables.session_manager_profile",
                s.packer_variables["session_manager_profile"],
                f"must be empty with baseImage {s.base_image}: Debian's images have no agent of Systems Manager, so"
                " nobody would reach the build instance",
                "pulumi config rm --path packerVariables.session_manager_profile   (or"
                " choose a baseImage that has one, as ubuntu-24.04)",
            ),
        )


def _key_constraints(s: Settings) -> BrokenConstraints:
    here = partitions.of(s.region)
    if s.image_shared_with and not s.image_kms_key:
        yield (
            ("imageSharedWith", "imageKmsKey"),
            problem(
                "PHX-139",
                "imageKmsKey",
                "",
                "must be set with imageSharedWith: an image that AWS's own key encrypts can't be shared;"
                " none leaves it unencrypted (it holds no secret, and servers' disks are encrypted at birth)",
                f"pulumi config set imageKmsKey arn:{here}:kms:{s.region}:ACCOUNT:key/ID   (or none)",
            ),
        )
    if s.image_kms_key == "none" and (s.image_from or not s.image_shared_with):
        yield (
            ("imageKmsKey", "imageFrom", "imageSharedWith"),
            problem(
                "PHX-140",
                "imageKmsKey",
                "none",
                "must be a key, or empty: only an image that is baked here and shared may do without encryption",
                "pulumi config rm imageKmsKey",
            ),
        )
    if twice := sorted({"encrypted", "kms_key_id"} & s.packer_variables.keys()) if s.image_kms_key else []:
        yield (
            ("imageKmsKey", "packerVariables"),
            problem(
                "PHX-141",
                "packerVariables",
                twice,
                "must not say what imageKmsKey says",
                " && ".join(f"pulumi config rm --path packerVariables.{name}" for name in twice),
            ),
        )
    parts = s.image_kms_key.split(":")
    if len(parts) > 3 and parts[3] != s.region:
        yield (
            ("imageKmsKey",),
            problem(
                "PHX-143",
                "imageKmsKey",
                s.image_kms_key,
                f"must be a key of the stack's region ({s.region})",
                f"pulumi config set imageKmsKey arn:{here}:kms:{s.region}:...",
            ),
        )


def _disk_constraints(s: Settings) -> BrokenConstraints:
    disk = s.packer_variables.get("root_gib", "0")
    if not isinstance(disk, str) or not re.fullmatch(r"\d{1,6}", disk):
        yield (
            ("packerVariables",),
            problem(
                "PHX-311",
                "packerVariables.root_gib",
                disk,
                "must be a whole number of GiB",
                "pulumi config set --path packerVariables.root_gib 8",
            ),
        )
    elif int(disk) > s.root_volume_gib:
        yield (
            ("packerVariables", "rootVolumeGiB"),
            problem(
                "PHX-307",
                "rootVolumeGiB",
                s.root_volume_gib,
                f"must be at least packerVariables.root_gib ({disk} GiB), the size of"
                " the image: no disk can be smaller than its image",
                f"pulumi config set rootVolumeGiB {disk}",
            ),
        )
