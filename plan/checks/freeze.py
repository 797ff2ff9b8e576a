"""Whether production may change now: the windows of the key `freeze`, and the way round them. Pure.

Frozen is what brings something new: a launch, or a larger share of production for the younger group. A way back never
is, whichever way it goes: the flag to a group that is kept, a canary that is taken back, an image or a commit of which
production had servers before. Nor is what mends or deletes a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from core.errors import Problem, problem
from core.release_record import OVERRIDE, decode_history_line, taggable
from core.times import iso
from plan.config.freeze_windows import current_window
from plan.config.settings import Settings
from plan.group_key import GroupKey
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """What holds for an update: the `window` that it falls into, as the key says it, and when that `ends`."""

    window: str = ""
    ends: str = ""
    reason: str = ""  # of whoever overrides it

    @property
    def holds(self) -> bool:
        """Whether the update is to be refused."""
        return bool(self.window) and not self.reason


def read_freeze(settings: Settings, plan: RolloutPlan, live: LiveState, *, generation: str, now: datetime) -> Freeze:
    """The freeze of an update to `generation`; an empty one when it brings nothing new, or no window is open."""
    found = current_window(settings.freeze, now)
    if found is None or not _is_new(plan, live, generation):
        return Freeze()
    window, ends = found
    return Freeze(window=window, ends=iso(ends), reason=settings.override)


def problems(freeze: Freeze) -> Iterator[Problem]:
    """The refusal of an update that would change production in a window."""
    if freeze.holds:
        yield problem(
            "PHX-226",
            "freeze",
            freeze.window,
            f"must be over before production changes: it ends at {freeze.ends}",
            f"pulumi up   after {freeze.ends}; or, when it can't wait: pulumi up --config override='REASON'"
            "   (the reason stands in the release record; then: pulumi config rm override)",
        )


def rows(settings: Settings, freeze: Freeze) -> list[tuple[str, str]]:
    """What the plan says of it."""
    if freeze.holds:
        return [("freeze", f"{freeze.window} until {freeze.ends}: pulumi up would be refused")]
    if freeze.window:
        return [("freeze", f"{freeze.window} until {freeze.ends} is overridden: {freeze.reason}")]
    if settings.override:
        return [
            (
                "note",
                "override is set, and nothing is frozen that it would be needed for: no freeze holds while it is"
                " (pulumi config rm override)",
            )
        ]
    return []


def record_tags(color: GroupKey, plan: RolloutPlan, live: LiveState, freeze: Freeze) -> dict[str, str]:
    """For a color's target group: why it got production in a freeze. An update without a change keeps it."""
    key = OVERRIDE.removeprefix("phoenix:")
    if color is plan.active and freeze.window:
        return {key: taggable(freeze.reason)}
    existing = plan.existing if color is plan.active else live.group(color.color)
    said = existing.tags.get(key, "") if existing else ""
    return {key: said} if said else {}


def _is_new(plan: RolloutPlan, live: LiveState, generation: str) -> bool:
    """Whether production gets servers that it has not had, or more of them."""
    if plan.is_rollback:
        return False
    if plan.existing is None:
        past = [decode_history_line(line) for line in live.history]
        return generation not in {line.get("generation") for line in past if line.get("most") == 100}
    return plan.weights[plan.active.color] > live.weights.get(plan.active.color, 0)
