"""Which hooks an update asks, in which gate. Pure.

A way back asks none that could refuse it. Where nobody is live yet there is nothing to take production from: no shares,
and no way back.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.hooks import AFTER_VERIFY, BEFORE_SHIFT, ON_ROLLBACK, Hook, parse_hook
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def verify_hooks(settings: Settings, plan: RolloutPlan) -> dict[str, Hook]:
    """What verify asks."""
    return {} if plan.is_rollback else _only(settings, AFTER_VERIFY)


def promote_hooks(settings: Settings, plan: RolloutPlan, live: LiveState) -> dict[str, Hook]:
    """What promote asks, and tells. Nobody is asked for traffic that the active group loses."""
    loses = plan.existing is not None and live.weights.get(plan.active.color, 0) > settings.traffic
    if plan.is_rollback or loses or not settings.traffic:
        return _only(settings, ON_ROLLBACK)
    if plan.previous is None:
        return _only(settings, BEFORE_SHIFT)
    return _only(settings, *(name for name in settings.hooks if name != AFTER_VERIFY))


def _only(settings: Settings, *names: str) -> dict[str, Hook]:
    said: Mapping[str, object] = settings.hooks
    return {name: parse_hook(name, said[name]) for name in names if name in said}
