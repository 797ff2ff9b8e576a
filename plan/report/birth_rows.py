"""What an update makes beside a group that it launches: sizes at set times, and the first one a name and a certificate.

Pure.
"""

from __future__ import annotations

from plan.config.schedule import ScheduledSize
from plan.config.settings import Settings
from plan.readers.live_state import LiveState


def schedule_rows(settings: Settings) -> list[tuple[str, str]]:
    """The times of `schedule`; none without it."""
    said = "; ".join(_described(name, one) for name, one in sorted(settings.schedule.items()))
    return [("schedule", f"{said}; from when it has production")] if said else []


def name_rows(settings: Settings, live: LiveState) -> list[tuple[str, str]]:
    """Of a stack that has no production yet: what becomes of its host name in the hosted zone."""
    if live.weights or not settings.hosted_zone_id:
        return []
    found = []
    if settings.makes_certificate:
        found.append(
            (
                "certificate",
                f"ACM issues one for {settings.hostname}, which a record in {settings.hosted_zone_id} proves",
            )
        )
    found.append(
        ("DNS", f"{settings.hostname} leads here by a record in {settings.hosted_zone_id}, once a group serves")
    )
    return found


def _described(name: str, one: ScheduledSize) -> str:
    desired = "" if one.desired is None else f", {one.desired} at first"
    return f"{name} ({one.cron} {one.time_zone}): {one.min_size} to {one.max_size} servers{desired}"
