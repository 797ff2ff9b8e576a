"""The one place where git is asked: its runner, and what it says about the files that an image is baked from.

git answers, or says no, or fails; a failure is told in its own words, since nobody else knows why.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.errors import CodedError
from core.fingerprint import Files

SECONDS = 60
# A hook of git's has these for the repository that it runs in (git help hooks); here the folder decides which it is.
ELSEWHERE = (
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)


class GitError(CodedError):
    """There is a repository, and git can't be asked about it; why, it says itself."""


@dataclass(frozen=True, kw_only=True)
class Commit:
    commit: str  # 40 hex digits (64 in a repository of SHA-256), or "none" outside of git
    tree: str  # "clean": the files are those of the commit; else "dirty"


def checkout(folder: Path) -> Path | None:
    """The nearest folder, this one or one above it, that holds a `.git`; None outside of any checkout.

    As git itself looks (git help git, GIT_CEILING_DIRECTORIES), but here nobody asks whether git can read it.
    """
    ceilings = {Path(one).resolve() for one in os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep) if one}
    here = folder.resolve()
    for place in (here, *here.parents):
        if place != here and place in ceilings:
            return None
        if (place / ".git").exists():
            return place
    return None


def answer(folder: Path, *arguments: str) -> bytes | None:
    """What `git ARGUMENTS` prints in a folder; None when it says no: with exit code 1, and without a word.

    Raises GitError.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "--no-pager", *arguments],
            cwd=folder,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**environment, "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise GitError("PHX-146", "git is not installed (there is none on PATH)", do="install git") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise GitError(
            "PHX-160", f"git did not answer: {error}", do=f"git -C {folder} status   (it must answer)"
        ) from error
    if done.returncode == 0:
        return done.stdout
    words = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == 1 and not words:
        return None
    raise GitError(
        "PHX-159",
        f"git says: {words or f'{arguments[0]} ended with {done.returncode}'}",
        do=_what_git_asks_for(words, folder),
    )


def ask(folder: Path, *arguments: str) -> str | None:
    """The same as text, without the end of its line."""
    said = answer(folder, *arguments)
    return None if said is None else said.decode("utf-8", "replace").rstrip("\n")


def head(folder: Path) -> str:
    """The commit that is checked out; empty outside of any checkout, and before the first commit. Raises GitError."""
    return (ask(folder, "rev-parse", "--verify", "--quiet", "HEAD") or "") if checkout(folder) else ""


def knows(folder: Path, commit: str) -> bool:
    """Whether a commit is here. Raises GitError."""
    return ask(folder, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}") is not None


def is_shallow(folder: Path) -> bool:
    """Whether the history here is cut off. Raises GitError."""
    return ask(folder, "rev-parse", "--is-shallow-repository") == "true"


def missing(folder: Path) -> str:
    """Why a commit may be missing here, and how it comes. Raises GitError."""
    if is_shallow(folder):
        return "this clone is shallow: git fetch --unshallow, and in CI fetch-depth: 0 in GitHub's checkout"
    return "git fetch brings what others have committed"


def image_commit(folder: Path, files: Files) -> Commit:
    """The commit that is checked out, and whether it has exactly these files of `folder`. Raises GitError.

    `git status` is not asked: it is silent about what git was told not to look at (assume-unchanged, submodules that
    are ignored), and a tree that it calls clean would be an image of what nobody has reviewed.
    """
    commit = head(folder)
    if not commit:
        return Commit(commit="none", tree="dirty")
    committed = {}
    for line in (answer(folder, "ls-tree", "-r", "-z", commit) or b"").split(b"\0"):
        if line:
            said, _, path = line.partition(b"\t")
            mode, _, name = said.split()
            committed[os.fsdecode(path)] = (mode == b"100755", name.decode())
    clean = committed.keys() == files.keys() and all(
        committed[path] in [(executable, one) for one in _names(content, like=commit)]
        for path, (executable, content) in files.items()
    )
    return Commit(commit=commit, tree="clean" if clean else "dirty")


def _names(content: bytes, *, like: str) -> tuple[str, str]:
    """The names that git may have for a content: its own, and that of the pointer by which LFS keeps it.

    The pointer has one form: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    """
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(content).hexdigest()}\n"
        f"size {len(content)}\n"
    ).encode()
    kind = "sha256" if len(like) == 64 else "sha1"
    own, kept = (hashlib.new(kind, f"blob {len(one)}\0".encode() + one).hexdigest() for one in (content, pointer))
    return own, kept


def _what_git_asks_for(words: str, folder: Path) -> str:
    """The command in git's own advice (`git config --global --add safe.directory ...`), or how to see it answer."""
    advice = re.search(r"^\s*(git config --global .+)$", words, re.MULTILINE)
    return advice[1].strip() if advice else f"git -C {folder} status   (it must answer)"
