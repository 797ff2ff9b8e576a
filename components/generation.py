"""What makes a server, as two hashes: the fingerprint of its image, and the generation of the whole.

Git alone decides both: no clock, no account and no newest base image takes part, so that equal commits and settings
have one fingerprint everywhere. Pure but for `image_files`, which reads the working tree.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.settings import Settings
from components.user_data import user_data

DIGITS = 12
# Variables of the template that say where and how Packer builds. The image is the same, in whatever account that was:
# they are left out of the fingerprint of an image that goes from one account to another.
BUILD_ONLY = frozenset({"associate_public_ip_address", "encrypted", "instance_type", "kms_key_id", "ssh_from",
                        "ssh_host", "ssh_keypair_name", "ssh_port", "ssh_private_key_file", "subnet_id"})


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a server. Two servers with equal recipes are the same server born twice."""

    image: str  # the image's fingerprint
    instance_type: str
    root_volume_gib: int
    port: int
    health: str  # the health check's path: a wrong one would kill the live servers one by one
    user_data: str  # hash of the user data, but for color and generation
    role: str  # hash of what the servers' role may read
    network: str  # hash of where the servers stand

    @property
    def generation(self) -> str:
        """12 hex digits that change when any part does."""
        return _hash(self.tag)

    @property
    def tag(self) -> str:
        """The parts in words, for the tag `phoenix:recipe`: at most 256 characters that a tag may have."""
        health = self.health if len(self.health) <= 64 and _taggable(self.health) else _hash(self.health)
        return (f"image={self.image} instanceType={self.instance_type} rootVolumeGiB={self.root_volume_gib}"
                f" appPort={self.port} healthCheckPath={health} environment={self.user_data[:8]}"
                f" role={self.role[:8]} network={self.network[:8]}")


def recipe(settings: Settings, fingerprint: str) -> Recipe:
    """The recipe of the servers that these settings and this image give birth to."""
    return Recipe(
        image=fingerprint,
        instance_type=settings.instance_type,
        root_volume_gib=settings.root_volume_gib,
        port=settings.app_port,
        health=settings.health_check_path,
        user_data=_hash(user_data(settings, color="", generation="")),
        role=_hash(json.dumps([*settings.references, *filter(None, [settings.permissions_boundary])])),
        network=_hash(json.dumps([settings.vpc_id or settings.vpc_cidr, sorted(settings.server_subnet_ids)])),
    )


def changes(before: str, now: Recipe) -> list[str]:
    """What differs between a live group's recipe tag and a recipe: `["instanceType: t3.small -> t3.large"]`."""
    old = dict(part.split("=", 1) for part in before.split(" ") if "=" in part)
    new = dict(part.split("=", 1) for part in now.tag.split(" "))
    return [f"{key}: {old.get(key, 'none')} -> {value}" for key, value in new.items() if old.get(key) != value]


def fingerprint(files: Mapping[str, tuple[bool, bytes]], settings: Settings) -> str:
    """12 hex digits over the image's files (path, executable or not, content) and the settings that a bake reads."""
    digest = hashlib.sha256()
    left_out = BUILD_ONLY if settings.image_from or settings.image_shared_with else frozenset()
    variables = {name: value for name, value in sorted(settings.packer_variables.items()) if name not in left_out}
    said = [settings.base_image, settings.architecture, variables]
    digest.update(json.dumps(said).encode())
    for path, (executable, content) in sorted(files.items()):
        digest.update(f"\0{path}\0{executable:d}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:DIGITS]


def image_files(folder: Path) -> dict[str, tuple[bool, bytes]]:
    """The files under the image's folder, by path relative to it: those that git tracks or would track.

    Outside a git checkout all files count. Raises `FileNotFoundError` when there are none.
    """
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."],
            cwd=folder, capture_output=True, check=True).stdout.decode().split("\0")
        paths = [folder / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        paths = list(folder.rglob("*"))
    files = {
        str(path.relative_to(folder).as_posix()): (bool(path.stat().st_mode & 0o100), path.read_bytes())
        for path in paths if path.is_file()
    }
    if not files:
        raise FileNotFoundError(f"there are no files in {folder}")
    return files


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _taggable(text: str) -> bool:
    return all(character.isalnum() or character in "+-._:/@" for character in text)
