"""What the plan says of AWS's guard: how long it goes on, and what the servers cost that it keeps. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.times import iso
from plan import estimates
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def guard_rows(settings: Settings, plan: RolloutPlan, live: LiveState, now: datetime) -> list[tuple[str, str]]:
    """One row, while AWS watches or is going to."""
    kept = live.group(plan.standby.color) if plan.standby else None
    if not plan.guarded or kept is None:
        return []
    armed = None if plan.needs_traffic_shift else live.guard
    left = armed.until - now if armed else timedelta(hours=settings.guard_hours)
    hours = left.total_seconds() / 3600
    when = f"until {iso(armed.until)}" if armed else f"for {settings.guard_hours} h after the flip"
    after = "then they stay (keepPrevious)" if settings.keep_previous else "then they go"
    return [
        (
            "guard",
            f"AWS watches {plan.active.color} {when}, and takes production back to {kept.color} when an alarm rings;"
            f" {kept.color} keeps its {kept.desired} servers for that ({kept.desired * hours:.0f} h of"
            f" {settings.instance_type}{_price(settings, kept.desired * hours)}), {after}",
        )
    ]


def _price(settings: Settings, hours: float) -> str:
    priced = estimates.price_per_hour(settings)
    return f", {priced[0] * hours:.2f} {priced[1]}".rstrip() if priced else ""
