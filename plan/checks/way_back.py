"""What AWS's guard took production back from does not get it again by itself: somebody must say so. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem
from core.names import other_color
from core.times import iso
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def problems(settings: Settings, plan: RolloutPlan, live: LiveState) -> Iterator[Problem]:
    """The refusal of an update that would give production to the generation that AWS took it from."""
    back, active = live.way_back, plan.active
    gains = plan.weights[active.color] > live.weights.get(active.color, 0)
    if back is None or back.generation != active.generation or not gains or settings.acknowledge == back.generation:
        return
    yield Problem(
        "PHX-228",
        f"AWS took production back from {active.color}, generation {back.generation}, at {iso(back.at)}, when the alarm"
        f" {back.alarm} rang; nothing gives it production again by itself.\n"
        f"    aws cloudwatch describe-alarm-history --alarm-name {back.alarm}   says which of its alarms that was",
        "a change of what makes a server, then pulumi up   (another generation is launched)\n"
        f"or stay with what serves now: pulumi config set active {other_color(active.color)} && pulumi up\n"
        f"or promote the same one again: pulumi up --config acknowledge={back.generation}",
    )


def rows(settings: Settings, live: LiveState) -> list[tuple[str, str]]:
    """What the plan says of it."""
    back = live.way_back
    found = []
    if back:
        found.append(("back", f"AWS took production from generation {back.generation} at {iso(back.at)}: {back.alarm}"))
    if settings.acknowledge:
        found.append(
            (
                "note",
                f"acknowledge is {settings.acknowledge}: that generation may be promoted although AWS took production"
                " back from it (pulumi config rm acknowledge)",
            )
        )
    return found
