"""What the canary of an update can see, and what is invisible to it, as the rollout plan says it. Pure."""

from __future__ import annotations

from plan import estimates
from plan.config.settings import Settings
from plan.detection import LiveTraffic, Sight, sights
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def sight_rows(
    settings: Settings, plan: RolloutPlan, live: LiveState, traffic: LiveTraffic | None
) -> list[tuple[str, str]]:
    """A row of what the canary steps see; none without steps, or when nobody knows the traffic."""
    shares = estimates.canary_count(settings, plan, live)
    if shares and settings.traffic < 100:
        shares = [*shares, settings.traffic]
    if not shares or traffic is None or not plan.needs_traffic_shift:
        return []
    if not settings.canary_pause_seconds:
        return [("sees", "nothing: canaryPauseSeconds is 0, so its steps wait for no metrics")]
    found = sights(traffic, shares=shares, pause_seconds=settings.canary_pause_seconds)
    at = f"at {traffic.per_second:.3g} requests/s, {percent(traffic.error_share)} of them 5xx (the last hour)"
    steps = ", ".join(_step(one) for one in found)
    return [("sees", f"{at}: {steps}; with 95 %, less is invisible"), *_advice(found)]


def _step(sight: Sight) -> str:
    until = f"by the end of {sight.share} % ({sight.minutes} whole minute{'s' if sight.minutes > 1 else ''})"
    return f"{until} a rise to {percent(sight.rise)}" if sight.rise is not None else f"{until} no rise for sure"


def _advice(found: tuple[Sight, ...]) -> list[tuple[str, str]]:
    """What to change when the canary sees nothing that is worth it."""
    if found[-1].rise is None:
        return [
            (
                "note",
                "this traffic is too little for these canary steps: not even a group that answers nothing but errors is"
                " sure to be seen by them. Probes, health and alarms still watch; make canaryPauseSeconds longer",
            )
        ]
    if found[0].rise is None:
        return [
            (
                "note",
                f"the step of {found[0].share} % ends before two whole minutes are known, or has too few requests: it"
                " takes nothing back by its errors unless an alarm rings; from canaryPauseSeconds 300 on there are two",
            )
        ]
    return []


def percent(share: float | None) -> str:
    """A share for a reader: `0.1 %`, `12 %`."""
    return f"{100 * (share or 0):.2g} %" if (share or 0) < 0.995 else "100 %"
