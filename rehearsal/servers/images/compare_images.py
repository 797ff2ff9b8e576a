"""Two bakes of one fingerprint, compared: the same files with the same types, modes, owners and contents.

Whose contents may differ is stated here, each with its reason; anything else is something that a fingerprint does not
decide.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATED = {
    "etc/hostname": "the build machine's name; cloud-init writes a server's own over it",
    "etc/sudoers.d/90-cloud-init-users": "cloud-init writes the time into it",
    "etc/ssl/certs/java/cacerts": "a key store of Java's holds the time of each entry",
    "var/cache/ldconfig/aux-cache": "ldconfig notes inodes and times",
    "var/cache/tomcat10/.*_jsp\\.(class|java)": "Tomcat writes the time of compilation into a page that it compiles",
    "var/log/wtmp": "when the build machine shut down, which is after it was sealed",
}
"""Patterns of whole paths, relative to the root, whose contents may differ, and why."""


@dataclass(frozen=True, kw_only=True)
class _File:
    """`head` is type, mode and owner; `content` a digest, or where a link leads."""

    head: str
    content: str


def compare_images(one: Path, other: Path) -> list[str]:
    """What differs between two disks' layers beyond what is stated, a line each."""
    left, right = dict(_files(one)), dict(_files(other))
    return [
        line
        for path in sorted(left.keys() | right.keys())
        if (line := _difference(path, left.get(path), right.get(path)))
    ]


def _difference(path: str, left: _File | None, right: _File | None) -> str:
    if left is None or right is None:
        return f"{path}: only {'one' if left else 'the other'} has it"
    if left.head != right.head:
        return f"{path}: {left.head} and {right.head}"
    if left.content != right.content and not any(re.fullmatch(pattern, path) for pattern in STATED):
        return f"{path}: contents differ"
    return ""


def _files(root: Path) -> Iterator[tuple[str, _File]]:
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            yield str(path.relative_to(root)), _file(path)


def _file(path: Path) -> _File:
    found = path.lstat()
    content = ""
    if stat.S_ISLNK(found.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(found.st_mode):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    return _File(head=f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}", content=content)
