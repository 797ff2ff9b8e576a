"""What a person or another program set on a group that keeps it from growing, or from being deleted. Pure.

Sources: EC2 Auto Scaling user guide ("Suspend and resume processes", "Temporarily remove instances", "Warm pools",
"Configure deletion protection") and API reference (AutoScalingGroup, DeleteAutoScalingGroup).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GROW, SHRINK, VANISH = "grow", "shrink", "vanish"
# The tag that promote puts on a group which it protects from deletion: its own retire takes that away again.
GUARDED = "phoenix:protected"
# Each process that can be suspended: what does not happen then, and what that is in the way of.
PROCESSES: Mapping[str, tuple[str, frozenset[str]]] = {
    "Launch": ("no server is launched", frozenset({GROW})),
    "Terminate": ("no server is ended", frozenset({SHRINK})),
    "AddToLoadBalancer": ("no server is registered with the load balancer", frozenset({GROW})),
    "HealthCheck": ("a sick server is not noticed", frozenset()),
    "ReplaceUnhealthy": ("a sick server is not replaced", frozenset()),
    "AlarmNotification": ("no scaling policy counts", frozenset()),
    "ScheduledActions": ("no scheduled action is done", frozenset()),
    "AZRebalance": ("zones are not evened out", frozenset()),
    "InstanceRefresh": ("an instance refresh stands still", frozenset()),
}


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """`what` is the case and what does not happen for it; `do`: what to type against it.

    `bars`: GROW (servers are launched and registered), SHRINK (servers end, as the engine waits for when it deletes a
    group), VANISH (a group is deleted with force, as the steps do).
    """

    what: str
    do: str
    bars: frozenset[str] = frozenset()


def find_obstacles(group: Mapping[str, Any]) -> tuple[Obstacle, ...]:
    """The obstacles of a group, as DescribeAutoScalingGroups tells of it.

    Protection from scale-in is none: the engine lifts it before it deletes a group (drainGroup in the AWS provider's
    internal/service/autoscaling/group.go), and a deletion with force does not ask for it.
    """
    return (*_suspended(group), *_standby(group), *_protected(group), *_warm(group))


def is_guarded(group: Mapping[str, Any]) -> bool:
    """Whether promote has protected a group from deletion."""
    tagged = any(tag["Key"] == GUARDED for tag in group.get("Tags", []))
    return tagged and group.get("DeletionProtection", "none") != "none"


def barring(obstacles: tuple[Obstacle, ...], what: str) -> tuple[Obstacle, ...]:
    """Those that are in the way of GROW, SHRINK or VANISH."""
    return tuple(one for one in obstacles if what in one.bars)


def describe_obstacles(obstacles: tuple[Obstacle, ...]) -> tuple[str, str]:
    """What there is and what to type, a line each."""
    return "\n".join(one.what for one in obstacles), "\n".join(one.do for one in obstacles)


def _suspended(group: Mapping[str, Any]) -> Iterator[Obstacle]:
    for process in sorted(one["ProcessName"] for one in group.get("SuspendedProcesses", [])):
        meaning, bars = PROCESSES.get(process, ("see what that is", frozenset()))
        yield Obstacle(
            what=f"the process {process} of {_name(group)} is suspended: {meaning}",
            do=f"aws autoscaling resume-processes --auto-scaling-group-name {_name(group)} "
            f"--scaling-processes {process}",
            bars=bars,
        )


def _standby(group: Mapping[str, Any]) -> Iterator[Obstacle]:
    """A server in Standby counts for nobody, and stays when its group shrinks to nothing."""
    ids = [one["InstanceId"] for one in group.get("Instances", []) if one["LifecycleState"].endswith("Standby")]
    if ids:
        yield Obstacle(
            what=f"{', '.join(ids)} of {_name(group)} in Standby: it serves nobody, and its group does not end it",
            do=f"aws autoscaling exit-standby --auto-scaling-group-name {_name(group)} --instance-ids {' '.join(ids)}",
            bars=frozenset({GROW, SHRINK}),
        )


def _protected(group: Mapping[str, Any]) -> Iterator[Obstacle]:
    """What somebody set by hand; promote's own is none."""
    protection = group.get("DeletionProtection", "none")
    if protection != "none" and not is_guarded(group):
        forced_only = protection == "prevent-force-deletion"
        yield Obstacle(
            what=f"{_name(group)} is protected from deletion ({protection})",
            do=f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {_name(group)} "
            "--deletion-protection none",
            bars=frozenset({VANISH} if forced_only else {SHRINK, VANISH}),
        )


def _warm(group: Mapping[str, Any]) -> Iterator[Obstacle]:
    if group.get("WarmPoolConfiguration"):
        yield Obstacle(
            what=f"{_name(group)} has a warm pool: its servers are nobody's until they are needed, and must go first",
            do=f"aws autoscaling delete-warm-pool --auto-scaling-group-name {_name(group)} --force-delete",
            bars=frozenset({SHRINK}),
        )


def _name(group: Mapping[str, Any]) -> str:
    return str(group["AutoScalingGroupName"])
