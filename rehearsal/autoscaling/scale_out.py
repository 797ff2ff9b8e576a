"""A group that grows: what is missing is launched, and tried again when a launch failed."""

from __future__ import annotations

from typing import Any

from rehearsal.autoscaling import activity as words
from rehearsal.autoscaling.launch import LaunchFailed, Placement, launch, placements
from rehearsal.autoscaling.member import Member, capacity_change_cause, members, record, suspended
from rehearsal.state.cloud_state import CloudState

FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 120.0


def scale_out(state: CloudState, group: Any) -> None:
    """Launches what is missing; after a failure it tries again later and later, as AWS does for about a day."""
    staying = [member for member in members(group) if not member.terminating and not member.on_standby]
    missing = group.desired_capacity - len(staying)
    if missing <= 0:
        capacity_change_cause(group)
    if missing <= 0 or state.now() < getattr(group, "retry_at", 0.0) or suspended(group, "Launch"):
        return
    request = capacity_change_cause(group)
    for _ in range(missing):
        if getattr(group, "replacing", 0) > 0:
            cause = words.replacement()
        else:
            cause = words.started(request=request, actual=len(staying), desired=group.desired_capacity)
        if not _launch_one(state, group, cause):
            break


def _launch_one(state: CloudState, group: Any, cause: str) -> bool:
    """Tries one zone after the other. Returns whether an instance is there."""
    for place in placements(group):
        try:
            instance = launch(state, group, place)
        except LaunchFailed as failure:
            _note_failure(state, group, cause, place, str(failure))
            if not failure.other_zone_may_work:
                break
        else:
            _add_member(state, group, cause, instance)
            return True
    delay_retry(state, group)
    return False


def delay_retry(state: CloudState, group: Any) -> None:
    """The group launches nothing for a while, each time longer."""
    delay = min(2 * getattr(group, "delay", FIRST_RETRY_SECONDS / 2), LONGEST_RETRY_SECONDS)
    group.delay, group.retry_at = delay, state.now() + state.scaled(delay)


def _note_failure(state: CloudState, group: Any, cause: str, place: Placement, reason: str) -> None:
    failed = words.failed_launch(
        group=group.name,
        group_arn=group.arn,
        cause=cause,
        reason=_sentence(reason),
        details=words.details(subnet=place.subnet, zone=place.zone),
    )
    state.activities.setdefault(group.name, []).append(failed)
    state.journal.record("launch-failed", group.name, reason)


def _add_member(state: CloudState, group: Any, cause: str, instance: Any) -> None:
    group.delay, group.retry_at = FIRST_RETRY_SECONDS / 2, 0.0
    group.replacing = max(getattr(group, "replacing", 0) - 1, 0)
    activity = words.launch(
        group=group.name,
        group_arn=group.arn,
        cause=cause,
        instance_id=instance.id,
        details=words.details(subnet=instance.subnet_id, zone=instance.placement.zone),
    )
    instance.autoscaling_group = group
    member = Member(instance, group, activity, state.now())
    group.instance_states.append(member)
    record(state, group, member, activity)
    state.journal.record("instance", instance.id, f"launched by {group.name}: {cause}")


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."
