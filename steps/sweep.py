"""Clears away what failed births left of a color."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from steps.aws import Aws
from steps.fleet import Group
from steps.progress import Pace, Progress

LONGEST_SECONDS = 300.0


def leftovers(everything: Iterable[Group], *, stack: str, color: str, ours: str, live: frozenset[str]) -> list[Group]:
    """Other groups of this stack and color that get no traffic. `live`: the target groups that get some."""
    return [
        group
        for group in everything
        if group.name != ours
        and group.tags.get("phoenix:stack") == stack
        and group.tags.get("phoenix:color") == color
        and not live.intersection(group.target_groups)
    ]


def strays(everything: Iterable[Group], *, names: Collection[str], ours: str, known: frozenset[str]) -> list[Group]:
    """Groups of these names whose target group no rule but the preview rule knows."""
    return [group for group in everything
            if group.name in names and group.name != ours and not known.intersection(group.target_groups)]


def delete(aws: Aws, left: list[Group], progress: Progress) -> None:
    """Deletes groups, servers included, and waits for them to be gone, but not for ever."""
    for group in left:
        if not group.leaving:
            progress.line(f"deleting {group.name}: a failed attempt left it, and it gets no traffic")
            aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    until = progress.bounded(min(LONGEST_SECONDS, progress.left()))
    names = [group.name for group in left]
    pace = Pace(progress.clock)
    while names:
        pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(AutoScalingGroupNames=names)
        names = [one["AutoScalingGroupName"] for page in pages for one in page["AutoScalingGroups"]]
        if names and not until.left():
            progress.line(f"{', '.join(names)} takes long to go; going on without waiting for it")
            return
        if names:
            pace.wait(until, f"waiting for {', '.join(names)} to be gone")
