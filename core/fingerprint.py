"""The fingerprint of an image: one hash over everything that a bake is given. Pure."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping

# Variables of the template that say where and how Packer builds. The image is the same, in whatever account that was:
# they are left out of the fingerprint of an image that goes from one account to another.
BUILD_ONLY = frozenset(
    {
        "associate_public_ip_address",
        "encrypted",
        "instance_type",
        "kms_key_id",
        "session_manager_profile",
        "ssh_from",
        "subnet_id",
    }
)

# By path below the image's folder: whether it is executable, and its content.
Files = Mapping[str, tuple[bool, bytes]]


def fingerprint(
    files: Files, *, base_image: str, architecture: str, variables: Mapping[str, object], travels: bool = False
) -> str:
    """SHA-256 in 64 hex digits over the image's files and the settings that a bake reads.

    `travels`: the image goes from one account to another.
    """
    digest = hashlib.sha256()
    counted = {name: value for name, value in sorted(variables.items()) if not (travels and name in BUILD_ONLY)}
    digest.update(json.dumps([base_image, architecture, counted]).encode())
    for path, (executable, content) in sorted(files.items()):
        digest.update(b"\0%s\0%d\0%d\0" % (os.fsencode(path), executable, len(content)) + content)
    return digest.hexdigest()
