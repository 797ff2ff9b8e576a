"""Whether this update comes from an older commit than production does, as git says.

A pipeline that is run again, or a clone that nobody has pulled, would take production back, and its plan would look
like any change. Production's rule says from which commit it was last changed, and a target group from which its servers
were launched (an update that was killed between the two has changed production, and not its rule). `git revert` makes a
new commit, and is no such case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core import git
from core.errors import Problem, problem
from core.git import GitError
from plan.config.settings import Settings
from plan.group_key import GroupKey
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan

NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
FORWARD = "git pull (in CI: run the newest pipeline instead), then pulumi up"


@dataclass(frozen=True)
class Lineage:
    """`head`: the commit that is checked out; empty when there is none.

    `newer`: the commit of production that this one is older than, `how` in words, and what to type to go `forward`.
    `unknown_because`: why it is not known, or what else is to be known, whether this one is older.
    """

    head: str = ""
    newer: str = ""
    how: str = ""
    forward: str = FORWARD
    unknown_because: str = ""


UNKNOWN = Lineage()


def read_lineage(live: LiveState, folder: Path) -> Lineage:
    """What git says in the program's folder about its commit and those of production. Never fails."""
    launched = live.majority_group.launch_commit if live.majority_group else ""
    made = [commit for commit in dict.fromkeys((live.commit, launched)) if NAME.fullmatch(commit)]
    try:
        head = git.head(folder)
        if not made:
            return Lineage(head)
        if not head:
            return Lineage(
                unknown_because=f"production was made from commit {made[0][:12]}, and this folder is no git checkout:"
                " nobody can say whether it is older"
            )
        return _compared(folder, head, *made)
    except GitError as error:
        return Lineage(
            unknown_because=f"whether production was made from a newer commit is not known; {error.what}"
            f"   (type: {error.do})"
        )


def _compared(folder: Path, head: str, first: str, *others: str) -> Lineage:
    for commit in (first, *others):
        if commit != head and git.knows(folder, commit) and _is_ancestor(folder, head, commit):
            count = _count(folder, head, commit)
            return Lineage(
                head, commit, f"{count} commit{'s' * (count != 1)} after {head[:12]}, which is checked out here"
            )
    said, shallow = Lineage(head), git.is_shallow(folder)
    known = git.knows(folder, first)
    if first == head or (known and _is_ancestor(folder, first, head)):
        return said
    if shallow:
        return replace(
            said,
            unknown_because=f"production was made from commit {first[:12]}, and git can't say here whether"
            f" {head[:12]} is older: {git.missing(folder)}",
        )
    if not known:
        return replace(
            said,
            newer=first,
            how="which this clone does not have: others have committed since",
            forward=f"git fetch --all, {FORWARD}",
        )
    return replace(
        said,
        unknown_because=f"production was made from commit {first[:12]}, of another branch:"
        f" {_count(folder, head, first)} of its commits are not in {head[:12]}",
    )


def _is_ancestor(folder: Path, one: str, of: str) -> bool:
    return git.ask(folder, "merge-base", "--is-ancestor", one, of) is not None


def _count(folder: Path, since: str, until: str) -> int:
    return int(git.ask(folder, "rev-list", "--count", f"{since}..{until}") or 0)


def is_change(plan: RolloutPlan) -> bool:
    """Whether an update changes servers that production uses, or how much of it they get."""
    return not plan.is_up_to_date or plan.to_delete is not None


def problems(settings: Settings, plan: RolloutPlan | None, lineage: Lineage) -> Iterator[Problem]:
    """An older commit that would change production without a word. `plan`: None when none can be decided."""
    if lineage.newer and not settings.allow_older and (plan is None or is_change(plan)):
        yield problem(
            "PHX-201",
            "allowOlder",
            "false",
            "must be true before an older commit changes production: it was made from"
            f" {lineage.newer[:12]}, {lineage.how}",
            f"{lineage.forward}   (to take a change back: git revert; to go"
            " back to this very commit: pulumi up --config allowOlder=true)",
        )


def rows(settings: Settings, plan: RolloutPlan, lineage: Lineage) -> list[tuple[str, str]]:
    """What a plan says before anything else."""
    if lineage.newer:
        why = "allowOlder lets it be" if is_change(plan) else "nothing of production changes"
        return [("older", f"production was made from {lineage.newer[:12]}, {lineage.how}; {why}")]
    found = [("note", lineage.unknown_because)] if lineage.unknown_because and is_change(plan) else []
    if settings.allow_older:
        found.append(
            (
                "note",
                "allowOlder is true, and this commit is not older: the next one that is would change"
                " production without a word (pulumi config rm allowOlder)",
            )
        )
    return found


def production_tags(plan: RolloutPlan, live: LiveState, lineage: Lineage) -> dict[str, str]:
    """For the production rule: from which commit production was last changed. An update without a change keeps it."""
    return _tag("phoenix:commit", lineage.head if is_change(plan) else live.commit)


def launch_tags(color: GroupKey, plan: RolloutPlan, live: LiveState, lineage: Lineage) -> dict[str, str]:
    """For a color's target group: from which commit its servers were launched, which never changes."""
    existing = plan.existing if color is plan.active else live.group(color.color)
    return _tag("launch_commit", existing.launch_commit if existing else lineage.head)


def _tag(key: str, commit: str) -> dict[str, str]:
    return {key: commit} if commit else {}
