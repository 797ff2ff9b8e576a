"""Groups whose image was revoked: what serves goes on and is told of, and no production is given to one. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem, problem
from core.names import other_color
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def problems(settings: Settings, plan: RolloutPlan, live: LiveState, source: ImageSource) -> Iterator[Problem]:
    """Of a group that exists and would get more of production than it has."""
    group = plan.existing
    why = source.revoked.get(group.image) if group else None
    if group and why and plan.weights[group.color] > live.weights.get(group.color, 0):
        yield problem(
            "PHX-353",
            "active",
            settings.active,
            f"must not mean a group whose image is revoked: {group.color} was launched from {group.image}, and {why}",
            f"pulumi config set active {other_color(group.color)}",
        )


def warnings(plan: RolloutPlan, live: LiveState, source: ImageSource) -> Iterator[str]:
    """Of a group that stays."""
    for group in live.groups:
        leaves = plan.to_delete is not None and group.color == plan.to_delete.color
        if not leaves and (why := source.revoked.get(group.image)):
            yield f"{group.color} was launched from {group.image}, and {why} (a flip to another image takes it away)"
