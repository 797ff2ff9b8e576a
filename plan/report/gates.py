"""The gates of an update as the rollout plan shows them: which, in their order, and how long each takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from core.hooks import AFTER_PROMOTE, AFTER_VERIFY, BEFORE_SHIFT, ON_ROLLBACK, Hook, at_share
from core.shift_schedule import watched_seconds
from plan import asked_hooks, estimates
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def describe_gates(plan: RolloutPlan, settings: Settings, live: LiveState) -> str:
    """The gates in their order, as `verify (at most 900 s) -> canary 10 % for 180 to 240 s -> 100 %`."""
    gates = [f"verify (at most {settings.verify_timeout_seconds} s)"]
    if settings.smoke_command:
        gates.append("smoke command")
    gates += _hook(asked_hooks.verify_hooks(settings, plan), AFTER_VERIFY)
    if not plan.needs_traffic_shift:
        return " -> ".join(gates)
    watched = estimates.is_watched(settings, plan)
    hooks = asked_hooks.promote_hooks(settings, plan, live)
    gates += _hook(hooks, BEFORE_SHIFT)
    gates += [
        f"canary {step} % for {_pause(settings.canary_pause_seconds, watched=watched)}"
        + "".join(f", then {text}" for text in _hook(hooks, at_share(step)))
        + (
            f", then until somebody approves (at most {settings.approval_timeout_minutes} min, else it goes back)"
            if step in settings.approve_at
            else ""
        )
        for step in estimates.canary_count(settings, plan, live)
    ]
    if settings.traffic < 100:
        first = f", after {_pause(settings.canary_pause_seconds, watched=watched)}" if settings.traffic else ""
        gates.append(f"{settings.traffic} %, held{first}")
        gates += _hook(hooks, at_share(settings.traffic))
    else:
        gates.append("100 %")
        if plan.previous:
            soak = _pause(settings.soak_seconds, watched=watched)
            gates.append(f"settle {settings.settle_seconds} s, soak {soak}")
    gates += _hook(hooks, AFTER_PROMOTE)
    back = "".join(f"; if it goes back: {text}" for text in _hook(hooks, ON_ROLLBACK))
    alarms = f"; your alarms watched: {', '.join(settings.alarms)}" if settings.alarms and plan.previous else ""
    return " -> ".join(gates) + back + alarms


def _hook(hooks: Mapping[str, Hook], name: str) -> list[str]:
    """The hook of this name, where there is one."""
    return [f"hook {name} (at most {hooks[name].timeout_seconds} s)"] if name in hooks else []


def _pause(seconds: int, *, watched: bool) -> str:
    """How long a pause takes; one that CloudWatch's metrics don't end is blind to them."""
    least, most = watched_seconds(seconds, metrics_too=watched)
    if not (seconds and watched):
        return f"{seconds} s (blind: CloudWatch is not waited for)"
    return f"{least} s" if least == most else f"{least} to {most} s"
