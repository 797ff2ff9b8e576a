"""What does not stop an update, and whoever reads its plan must know. Pure."""

from __future__ import annotations

from datetime import datetime

from plan.checks import revoked
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.readers.live_state import LiveGroup, LiveState
from plan.rollout_plan import RolloutPlan, exceeds_max_age, has_fixable_findings


def warnings(
    settings: Settings, plan: RolloutPlan, live: LiveState, source: ImageSource, *, now: datetime
) -> list[str]:
    """What does not stop an update, and whoever reads its plan must know."""
    found = [*(source.notes if plan.existing is None else ()), *revoked.warnings(plan, live, source)]
    heal = "pulumi refresh, then pulumi up: that makes it again"
    groups = [group for group in live.groups if not group.is_taken_over]
    if groups and not live.has_preview_rule:
        found.append(
            "the preview rule was deleted by hand: nobody names the target group of a newborn, and its servers"
            f" are never found healthy ({heal})"
        )
    # A refresh would have one with traffic launched under production, before anybody has verified it.
    found += [
        f"{group.color}'s auto-scaling group was deleted by hand"
        + (
            f" while {live.weights[group.color]} % of production was its: users get errors"
            if group.weight
            else f" ({heal})"
        )
        for group in groups
        if not group.name
    ]
    for group in groups:
        if plan.to_delete is None or group.color != plan.to_delete.color:
            if group.image and group.image not in source.image_ids:
                found.append(
                    f"{group.color} was launched from {group.image}, which is gone: it can't get another server"
                )
            if group.vulnerable:
                found.append(
                    f"{group.color}'s image has {len(group.vulnerable)} vulnerabilities above maxSeverity that there is"
                    f" a fix of ({', '.join(group.vulnerable[:3])}{', ...' if len(group.vulnerable) > 3 else ''})"
                    + (" (active: auto would flip)" if has_fixable_findings(settings, group, now) else "")
                )
            if exceeds_max_age(settings, group, now):
                found.append(
                    f"{group.color}'s image is {_days(group, now)} days old, maxAgeDays is"
                    f" {settings.max_age_days} (active: auto would flip)"
                )
    return found


def _days(group: LiveGroup, now: datetime) -> int:
    return int((now - group.baked_at).total_seconds() // 86400) if group.baked_at else 0
