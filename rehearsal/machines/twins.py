"""Two bakes of one fingerprint, compared: which files differ, by type, mode, owner or content, and which may.

What may differ is stated here, each with its reason; anything else is a difference that a fingerprint does not know.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

STATED: dict[str, str] = {
    r"etc/ssl/certs/java/cacerts|etc/ssl/certs/adoptium/cacerts": "a key store of Java's holds the time of each entry",
    r"var/lib/systemd/(timers/.*|catalog/database|.*\.stamp)": "systemd notes when it did what",
    r"var/(log|lib/cloud|cache/ldconfig|cache/apt|cache/debconf|lib/dpkg/.*-old|backups)(/.*)?":
        "notes of when what was done, emptied where a server would show them",
    r"etc/(passwd|shadow|group|gshadow|subuid|subgid|hostname|hosts)-?": "the day on which a user was made, and a name",
    r"home/[^/]+(/.*)?|root/\.ssh(/.*)?": "what the build machine's key left, without the key",
    r".*\.pyc|.*/__pycache__": "Python's compiled files hold a time",
}
"""Patterns of whole paths, relative to the root, and why these files may differ."""


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two layers beyond what is stated: a path and what of it, a line each."""
    left, right = dict(_files(one)), dict(_files(other))
    lines = []
    for path in sorted(left.keys() | right.keys()):
        if left.get(path) != right.get(path) and not stated(path):
            lines.append(f"{path}: {left.get(path, 'missing')} != {right.get(path, 'missing')}")
    return lines


def stated(path: str) -> bool:
    """Whether the path is one of those that may differ."""
    return any(re.fullmatch(pattern, path) for pattern in STATED)


def _files(root: Path) -> Iterator[tuple[str, str]]:
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            yield str(path.relative_to(root)), _said(path)


def _said(path: Path) -> str:
    found = path.lstat()
    head = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
    if stat.S_ISLNK(found.st_mode):
        return f"{head} -> {path.readlink()}"
    if stat.S_ISREG(found.st_mode):
        with path.open("rb") as file:
            return f"{head} {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    return head
