"""A group that grows: what is missing is launched, and tried again when a launch failed."""

from __future__ import annotations

from typing import Any

from rehearsal.autoscaling import activity as words
from rehearsal.autoscaling.launch import LaunchFailed, Place, launch, places
from rehearsal.autoscaling.member import Member, members, record, request_of, suspended
from rehearsal.state.cloud_state import World

FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 120.0


def grow(world: World, group: Any) -> None:
    """Launches what is missing; after a failure it tries again later and later, as AWS does for about a day."""
    staying = [member for member in members(group) if not member.leaving and not member.aside]
    missing = group.desired_capacity - len(staying)
    if missing <= 0:
        request_of(group)
    if missing <= 0 or world.now() < getattr(group, "retry_at", 0.0) or suspended(group, "Launch"):
        return
    request = request_of(group)
    for _ in range(missing):
        if getattr(group, "replacing", 0) > 0:
            cause = words.replacement()
        else:
            cause = words.started(request=request, actual=len(staying), desired=group.desired_capacity)
        if not _launch_one(world, group, cause):
            break


def _launch_one(world: World, group: Any, cause: str) -> bool:
    """Tries one zone after the other. Returns whether an instance is there."""
    for place in places(group):
        try:
            instance = launch(world, group, place)
        except LaunchFailed as failure:
            _note_failure(world, group, cause, place, str(failure))
            if not failure.elsewhere:
                break
        else:
            _welcome(world, group, cause, instance)
            return True
    put_off(world, group)
    return False


def put_off(world: World, group: Any) -> None:
    """The group launches nothing for a while, each time longer."""
    delay = min(2 * getattr(group, "delay", FIRST_RETRY_SECONDS / 2), LONGEST_RETRY_SECONDS)
    group.delay, group.retry_at = delay, world.now() + world.scaled(delay)


def _note_failure(world: World, group: Any, cause: str, place: Place, reason: str) -> None:
    failed = words.failed_launch(
        group=group.name,
        group_arn=group.arn,
        cause=cause,
        reason=_sentence(reason),
        details=words.details(subnet=place.subnet, zone=place.zone),
    )
    world.activities.setdefault(group.name, []).append(failed)
    world.journal.note("launch-failed", group.name, reason)


def _welcome(world: World, group: Any, cause: str, instance: Any) -> None:
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
    member = Member(instance, group, activity, world.now())
    group.instance_states.append(member)
    record(world, group, member, activity)
    world.journal.note("instance", instance.id, f"launched by {group.name}: {cause}")


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."
