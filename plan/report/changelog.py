"""What changed in the image's folder since the live servers' image was baked, in git's own words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from core import git, image_base
from core.git import GitError
from core.image_base import ImageFilesError
from plan.config.settings import Settings
from plan.readers.live_state import LiveGroup
from plan.rollout_plan import RolloutPlan

# A plan is read by people: more of either is counted, not shown.
FILES, COMMITS = 20, 10
NAME = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Changelog:
    """`files`: lines of `git diff --stat`, and new files that no commit has. `commits`: subjects, newest first.

    `problem`: why git has no words, when it has none.
    """

    since: str = ""
    files: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    problem: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it, for a reader."""
        return self.files + self.commits


def image_changelog(plan: RolloutPlan, settings: Settings, folder: Path) -> Changelog | None:
    """What changed on the way to a new group from the group that has production; None when git does not decide that."""
    if plan.existing or plan.previous is None or plan.previous.is_taken_over:
        return None
    return group_changelog(plan.previous, settings, folder)


def group_changelog(group: LiveGroup, settings: Settings, folder: Path) -> Changelog | None:
    """What changed since a group's image was baked; None when settings pin an image, and git decides nothing."""
    if settings.image:
        return None
    found = since(_known(group, folder), folder / settings.image_dir)
    if group.tree == "dirty" and not found.problem:
        return replace(
            found, files=("(the live image was baked from files that differed from its commit's)", *found.files)
        )
    return found


def _known(group: LiveGroup, folder: Path) -> str:
    """The commit that the image was baked from; where git has lost it (a pull request's, whose branch is gone), the one
    that found the image by its files."""
    if not NAME.fullmatch(group.commit) or not NAME.fullmatch(group.launch_commit):
        return group.commit
    try:
        lost = not git.knows(folder, group.commit) and git.knows(folder, group.launch_commit)
    except GitError:
        return group.commit
    return group.launch_commit if lost else group.commit


def since(commit: str, folder: Path) -> Changelog:
    """What git says about `folder` between a commit and the working tree, uncommitted changes too. Never fails."""
    if not NAME.fullmatch(commit):
        return Changelog(problem="the live image does not say which commit it was baked from")
    if git.checkout(folder) is None:
        return Changelog(
            commit[:12],
            problem=f"this is no git checkout: what changed since {commit[:12]}, the live image's commit, is not known",
        )
    try:
        return _since(commit, folder)
    except GitError as error:
        return Changelog(commit[:12], problem=f"{error.what}   (type: {error.do})")
    except ImageFilesError as error:
        return Changelog(commit[:12], problem=error.problems[0].what)


def _since(commit: str, folder: Path) -> Changelog:
    short = commit[:12]
    if not git.knows(folder, commit):
        return Changelog(
            short, problem=f"git does not know {short}, the live image's commit, here ({git.missing(folder)})"
        )
    base = image_base.find_base(folder)
    # Names are told from the image's folder on; of two folders, from the repository's.
    paths = [".", str(base), f":(exclude){base / image_base.APP}"] if base else ["."]
    stat = _lines(folder, "diff", "--stat=100", "--no-color", *([] if base else ["--relative"]), commit, "--", *paths)
    new = [
        f" {name} is new, in no commit yet"
        for name in _lines(folder, "ls-files", "--others", "--exclude-standard", "--", *paths)
    ]
    subjects = _lines(folder, "log", "--no-color", "--format=%h %s", f"{commit}..HEAD", "--", *paths)
    # The last line of --stat sums up.
    return Changelog(
        short, (*_some([*stat[:-1], *new], FILES, "files"), *stat[-1:]), tuple(_some(subjects, COMMITS, "commits"))
    )


def _some(lines: list[str], most: int, what: str) -> list[str]:
    return lines if len(lines) <= most else [*lines[:most], f"... and {len(lines) - most} more {what}"]


def _lines(folder: Path, *arguments: str) -> list[str]:
    return (git.ask(folder, *arguments) or "").splitlines()
