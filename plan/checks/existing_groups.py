"""Whether the groups that exist can do what an update takes for granted: serve, grow, be deleted. Pure.

A group that somebody scaled down, or whose servers are all unhealthy, is never taken for a healthy one.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import obstacles
from core.errors import Problem, problem
from core.names import other_color
from core.obstacles import GROW, SHRINK
from plan import estimates
from plan.config.settings import Settings
from plan.readers.account_limits import AccountLimits
from plan.readers.live_state import LiveGroup, LiveState
from plan.rollout_plan import RolloutPlan


def describe_group(group: LiveGroup, limits: AccountLimits, *, wanted: tuple[int, int] | None = None) -> str:
    """A group's servers for a reader of the plan; what is as it should be is left out.

    `wanted`: MinSize and MaxSize of the settings.
    """
    unlike = []
    if group.in_service not in (None, group.desired):
        unlike.append(f"{group.in_service} in service")
    healthy = _healthy(group, limits)
    if healthy not in (None, group.desired):
        unlike.append(f"{healthy} healthy")
    if wanted and group.sizes and group.sizes != wanted:
        unlike.append(
            f"MinSize {group.sizes[0]} and MaxSize {group.sizes[1]}, the settings say {wanted[0]} and {wanted[1]}"
        )
    return f"{group.desired} servers" + (f" ({'; '.join(unlike)})" if unlike else "")


def problems(s: Settings, plan: RolloutPlan, live: LiveState, limits: AccountLimits) -> Iterator[Problem]:
    """What would hurt users, or can't succeed."""
    for group in live.groups:
        if group.color in plan.unverified_targets and plan.weights[group.color]:
            yield from _no_capacity(s, plan, group, limits)
    yield from _too_small(s, plan)
    yield from _undeletable(s, plan, live, limits)


def warnings(s: Settings, plan: RolloutPlan, live: LiveState, limits: AccountLimits) -> Iterator[str]:
    """What does not stop an update, and whoever reads its plan must know."""
    needed = max((group.desired for group in live.groups if group.weight), default=0)
    existing = plan.existing
    most = existing.sizes[1] if existing and existing.sizes and plan.active.pinned else s.most_servers
    if not plan.is_up_to_date and needed > most:
        yield f"{needed} servers have production now, and maxSize lets {plan.active.color} have {most}"
    for group in live.groups:
        if group.name and not _serves(group, limits):
            what = f"none of its {group.desired} servers is healthy" if group.desired else "it has no servers"
            yield f"{group.color} serves nobody: {what}"
        for obstacle in group.obstacles:
            yield f"{obstacle.what} ({obstacle.do})"
    yield from limits.automation or ()


def _healthy(group: LiveGroup, limits: AccountLimits) -> int | None:
    return None if limits.healthy is None else limits.healthy.get(group.target_group)


def _serves(group: LiveGroup, limits: AccountLimits) -> bool:
    """Whether anybody answers there, as far as is known."""
    return group.desired > 0 and _healthy(group, limits) != 0


def _no_capacity(s: Settings, plan: RolloutPlan, group: LiveGroup, limits: AccountLimits) -> Iterator[Problem]:
    """Users are with a group that passes no gate in this update, and whose servers don't answer."""
    if not group.name or _serves(group, limits):
        return
    color, share = group.color, plan.weights[group.color]
    flip = _away(plan, color)
    if group.desired:
        yield problem(
            "PHX-321",
            "active",
            s.active,
            f"must not leave users with servers that are ill: {color} has {share} % of"
            f" production, and none of its {group.desired} servers is healthy",
            flip,
        )
        return
    sizes = f"--min-size {s.min_size or 1}"
    if group.sizes and group.sizes[1] < max(s.min_size, 1):
        sizes += f" --max-size {s.max_size}"
    yield problem(
        "PHX-320",
        "active",
        s.active,
        f"must not leave users without servers: {color} has {share} % of production, and"
        " somebody scaled it down to 0 servers, so that requests fail",
        f"aws autoscaling update-auto-scaling-group --region {s.region} --auto-scaling-group-name"
        f" {group.name} {sizes}\n      or:   {flip}",
    )


def _away(plan: RolloutPlan, color: str) -> str:
    """What to type to have nobody with a color."""
    if color != plan.active.color:
        return "pulumi config set traffic 100 && pulumi up"
    way = (
        "a group is launched, verified and takes production over"
        if plan.weights[color] == 100
        else "takes the canary back"
    )
    return f"pulumi config set active {other_color(color)} && pulumi up   ({way})"


def _too_small(s: Settings, plan: RolloutPlan) -> Iterator[Problem]:
    """AWS ends servers above MaxSize at once. A kept group is left as it is, and a new group has a limit of its own."""
    existing = plan.existing
    if existing is None or plan.active.pinned or not existing.weight or existing.desired <= s.most_servers:
        return
    more = existing.desired - s.most_servers
    yield problem(
        "PHX-322",
        "maxSize",
        s.max_size,
        f"must not be below the {existing.desired} servers of {existing.color} that serve:"
        f" AWS would end {more} of them at once, under load",
        f"pulumi config set maxSize {existing.desired}, or first, when fewer can bear the load: aws autoscaling"
        f" set-desired-capacity --region {s.region} --auto-scaling-group-name {existing.name}"
        f" --desired-capacity {s.max_size}",
    )


def _undeletable(s: Settings, plan: RolloutPlan, live: LiveState, limits: AccountLimits) -> Iterator[Problem]:
    """Groups that have to grow or to go, and can't. From a group that serves nobody the way must stay open."""
    existing = plan.existing
    if existing and estimates.added_servers(s, plan, live):
        for one in obstacles.barring(existing.obstacles, GROW):
            yield problem(
                "PHX-324",
                "active",
                s.active,
                f"must not mean a group that can't grow: {existing.color} needs more"
                f" servers to take production over, and {one.what}",
                one.do,
            )
    if existing and not plan.is_up_to_date and existing.sizes and not existing.sizes[1]:
        yield problem(
            "PHX-323",
            "active",
            s.active,
            f"must not mean a group that may have no server: MaxSize of {existing.name} is 0, by somebody's hand",
            f"aws autoscaling update-auto-scaling-group --region {s.region}"
            f" --auto-scaling-group-name {existing.name} --max-size {s.max_size}",
        )
    leaving = live.group(plan.to_delete.color) if plan.to_delete else None
    if leaving and _serves(leaving, limits):
        for one in obstacles.barring(leaving.obstacles, SHRINK):
            yield problem(
                "PHX-325", "active", s.active, f"must not send a group away that can't be deleted: {one.what}", one.do
            )
