"""What acts on the existing groups beside this program: lifecycle hooks, scheduled actions, instance refreshes.

What the program's own settings ask for is left out. Each is told in the plan, with the command that ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from plan.config import stop_command
from plan.readers.live_state import LiveGroup
from plan.readers.reads import QUICK, Reads

# What the names of the program's own scheduled actions begin with.
OWN = "phoenix-size-"
# States of a refresh that is under way (EC2 Auto Scaling API reference, InstanceRefresh).
UNDER_WAY = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}


def find_automation(reads: Reads, groups: Sequence[LiveGroup]) -> tuple[str, ...]:
    """A line each."""
    names = [group.name for group in groups if group.name]
    asked = [(kind, name) for name in names for kind in (_hooks, _scheduled, _refreshes)]
    return tuple(line for lines in reads.each(_lines, asked) for line in lines)


def _lines(reads: Reads, asked: tuple[Any, str]) -> list[str]:
    kind, name = asked
    return list(kind(reads.client("autoscaling", config=QUICK), name))


def _hooks(scaling: Any, name: str) -> Iterator[str]:
    for one in scaling.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]:
        hook = one["LifecycleHookName"]
        if hook == stop_command.HOOK:
            continue
        when = "born" if one.get("LifecycleTransition", "").endswith("LAUNCHING") else "ended"
        yield (
            f"the lifecycle hook {hook} of {name} may hold each server that is {when}, for"
            f" {one.get('HeartbeatTimeout', 3600)} s or longer (aws autoscaling delete-lifecycle-hook"
            f" --auto-scaling-group-name {name} --lifecycle-hook-name {hook})"
        )


def _scheduled(scaling: Any, name: str) -> Iterator[str]:
    """Who may end servers while an update counts on them."""
    pages = scaling.get_paginator("describe_scheduled_actions").paginate(AutoScalingGroupName=name)
    for one in (action for page in pages for action in page["ScheduledUpdateGroupActions"]):
        action = one["ScheduledActionName"]
        if action.startswith(OWN):
            continue
        sizes = ", ".join(
            f"{key} {one[key]}" for key in ("MinSize", "MaxSize", "DesiredCapacity") if one.get(key) is not None
        )
        when = f" at {one['StartTime']:%Y-%m-%d %H:%M} UTC" if one.get("StartTime") else ""
        again = f", and by {one['Recurrence']!r} again" if one.get("Recurrence") else ""
        yield (
            f"the scheduled action {action} sets {sizes} of {name}{when}{again}, whatever an update counts on (aws"
            f" autoscaling delete-scheduled-action --auto-scaling-group-name {name} --scheduled-action-name"
            f" {action})"
        )


def _refreshes(scaling: Any, name: str) -> Iterator[str]:
    for one in scaling.describe_instance_refreshes(AutoScalingGroupName=name, MaxRecords=10)["InstanceRefreshes"]:
        if one["Status"] in UNDER_WAY:
            yield (
                f"an instance refresh replaces the servers of {name} ({one['Status']},"
                f" {one.get('PercentageComplete', 0)} %), past every gate (aws autoscaling cancel-instance-refresh"
                f" --auto-scaling-group-name {name})"
            )
