"""What git says about the files that an image is baked from."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Source:
    commit: str  # 40 hex digits, or "none" outside of git
    tree: str  # "clean": the files are those of the commit; else "dirty"


def source(folder: Path) -> Source:
    """The commit that is checked out, and whether `folder` differs from it. Never fails: then it is none and dirty."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", ".")
    if not commit:
        return Source(commit="none", tree="dirty")
    return Source(commit=commit.strip(), tree="clean" if changed == "" else "dirty")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments], cwd=folder, capture_output=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
