"""How many servers a canary has at each step, and what that saves against two full groups, for the plan. Pure."""

from __future__ import annotations

from core.shift_schedule import watched_seconds
from plan import estimates
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def capacity_rows(settings: Settings, plan: RolloutPlan, live: LiveState) -> list[tuple[str, str]]:
    """A row of the sizes of the active group; none where it has all of its servers from the start."""
    shares = estimates.canary_count(settings, plan, live)
    if not (estimates.is_proportional(settings, plan) and shares):
        return []
    full = estimates.server_count(settings, plan, live)
    sizes = [estimates.servers_at(share, settings, plan, live) for share in shares]
    steps = ", ".join(
        f"{size}{'' if number else ' servers'} for {share} %"
        for number, (size, share) in enumerate(zip(sizes, shares, strict=True))
    )
    last = f", {full} before 100 %" if settings.traffic == 100 else ""
    hours = watched_seconds(settings.canary_pause_seconds, metrics_too=True)[0] / 3600
    saved, whole = hours * sum(full - size for size in sizes), hours * full * len(sizes)
    told = f"of {whole:.3g} server-hours of the canary that a full second group takes, {saved:.3g} are saved"
    if priced := estimates.price_per_hour(settings):
        told += f" ({saved * priced[0]:.3g} {priced[1]}".rstrip() + ")"
    return [("capacity", f"{steps}{last}; {told}")]
