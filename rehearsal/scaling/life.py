"""A group's life: each pass brings what there is a step nearer to what is wanted, and records why as AWS would.

Source: "Amazon EC2 Auto Scaling instance lifecycle" and "Health checks for instances in an Auto Scaling group".
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import InstanceState

from rehearsal.alb.health import UNHEALTHY
from rehearsal.scaling import activity as words
from rehearsal.scaling.activity import Activity
from rehearsal.scaling.choice import Candidate, leavers
from rehearsal.scaling.launch import LaunchFailed, launch, place
from rehearsal.scaling.launch import template_problem as template_problem
from rehearsal.world import World

FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 120.0


class Member(InstanceState):  # type: ignore[misc]
    """An instance of a group: moto's record, and what only the group knows of it."""

    def __init__(self, instance: Any, group: Any, activity: Activity, now: float) -> None:
        super().__init__(
            instance,
            lifecycle_state="Pending",
            protected_from_scale_in=group.new_instances_protected_from_scale_in,
        )
        self.activity = activity
        self.launched = now
        self.in_service_since: float | None = None
        self.target_groups: set[str] = set()
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        self._template = {
            "LaunchTemplateId": version.template.id,
            "LaunchTemplateName": version.template.name,
            "Version": str(version.number),
        }

    @property
    def launch_template(self) -> dict[str, Any]:
        """The version it was born from; moto shows the template's default."""
        return self._template

    @property
    def leaving(self) -> bool:
        return bool(self.lifecycle_state.startswith("Terminating"))


def reconcile(world: World, group: Any) -> None:
    """One pass over a group; called under the world's lock."""
    _enter_service(world, group)
    _replace_unhealthy(world, group)
    _shrink(world, group)
    _finish_leaving(world, group)
    if getattr(group, "status", None):
        if not group.instance_states:
            forget(world, group)
        return
    _grow(world, group)


def _enter_service(world: World, group: Any) -> None:
    for member in _members(group):
        if member.lifecycle_state == "Pending" and member.instance.state == "running":
            member.lifecycle_state = "InService"
            member.in_service_since = world.now()
            _record(world, group, member, words.finished(member.activity))
        if member.lifecycle_state == "InService" and not _suspended(group, "AddToLoadBalancer"):
            _register(group, member)


def _register(group: Any, member: Member) -> None:
    for arn in group.target_group_arns:
        target_group = group.autoscaling_backend.elbv2_backend.target_groups.get(arn)
        if target_group is not None and arn not in member.target_groups and member.instance.state == "running":
            target_group.register([{"Id": member.instance.id, "Port": target_group.port}])
            member.target_groups.add(arn)


def deregister(group: Any, member: Any) -> None:
    for arn in getattr(member, "target_groups", set()):
        target_group = group.autoscaling_backend.elbv2_backend.target_groups.get(arn)
        if target_group is not None and member.instance.id in target_group.targets:
            target_group.deregister([{"Id": member.instance.id}])


def _replace_unhealthy(world: World, group: Any) -> None:
    for member in _members(group):
        if _suspended(group, "HealthCheck") or member.leaving:
            continue
        cause = None
        if member.instance.state not in ("pending", "running"):
            cause = words.unhealthy(elb=False)
        elif _fails_at_the_balancer(world, group, member):
            cause = words.unhealthy(elb=True)
        elif member.health_status == "Unhealthy":
            cause = words.user_health()
        if cause is not None:
            member.health_status = "Unhealthy"
            if not _suspended(group, "ReplaceUnhealthy"):
                leave(world, group, member, cause)
                group.replacing = getattr(group, "replacing", 0) + 1


def _fails_at_the_balancer(world: World, group: Any, member: Member) -> bool:
    grace = world.scaled(float(group.health_check_grace_period or 0))
    if group.health_check_type != "ELB" or member.in_service_since is None:
        return False
    if world.now() < member.in_service_since + grace:
        return False
    found = [world.health.get((arn, member.instance.id)) for arn in member.target_groups]
    return any(health is not None and health.state == UNHEALTHY for health in found)


def _shrink(world: World, group: Any) -> None:
    staying = [member for member in _members(group) if not member.leaving]
    surplus = len(staying) - group.desired_capacity
    if surplus <= 0 or _suspended(group, "Terminate"):
        return
    chosen = leavers(
        [
            Candidate(
                id=member.instance.id,
                zone=member.availability_zone,
                launched=member.launched,
                protected=bool(member.protected_from_scale_in) and not getattr(group, "status", None),
                pending=member.lifecycle_state == "Pending",
            )
            for member in staying
        ],
        surplus=surplus,
    )
    request = _request(group)
    for member in staying:
        if member.instance.id in chosen:
            cause = words.shrunk(
                request=request,
                actual=len(staying),
                desired=group.desired_capacity,
                instance_id=member.instance.id,
            )
            leave(world, group, member, cause)


def leave(world: World, group: Any, member: Member, cause: str) -> Activity:
    """Takes an instance out of service; it terminates when its targets have drained."""
    if member.lifecycle_state == "Pending":
        _record(world, group, member, words.canceled(member.activity, "The instance was terminated before it booted."))
    member.lifecycle_state = "Terminating"
    deregister(group, member)
    member.activity = words.termination(
        group=group.name,
        group_arn=group.arn,
        cause=cause,
        instance_id=member.instance.id,
        details=words.details(subnet=member.instance.subnet_id, zone=member.availability_zone),
        waits_for_draining=_draining(world, member),
    )
    _record(world, group, member, member.activity)
    world.journal.note("instance", member.instance.id, f"leaves {group.name}: {cause}")
    return member.activity


def _draining(world: World, member: Member) -> bool:
    alive = member.instance.state == "running"
    return alive and any((arn, member.instance.id) in world.draining for arn in member.target_groups)


def _finish_leaving(world: World, group: Any) -> None:
    for member in _members(group):
        if member.leaving and not _draining(world, member):
            if member.instance.state != "terminated":
                group.ec2_backend.terminate_instances([member.instance.id])
            group.instance_states.remove(member)
            _record(world, group, member, words.finished(member.activity))


def _grow(world: World, group: Any) -> None:
    """Launches what is missing; after a failure it tries again later and later, as AWS does for about a day."""
    staying = [member for member in _members(group) if not member.leaving]
    missing = group.desired_capacity - len(staying)
    if missing <= 0:
        _request(group)
    if missing <= 0 or world.now() < getattr(group, "retry_at", 0.0) or _suspended(group, "Launch"):
        return
    request = _request(group)
    for _ in range(missing):
        if getattr(group, "replacing", 0) > 0:
            cause = words.replacement()
        else:
            cause = words.started(request=request, actual=len(staying), desired=group.desired_capacity)
        if not _launch_one(world, group, cause):
            break


def _launch_one(world: World, group: Any, cause: str) -> bool:
    try:
        instance = launch(world, group)
    except LaunchFailed as failure:
        subnet, zone = place(group)
        failed = words.failed_launch(
            group=group.name,
            group_arn=group.arn,
            cause=cause,
            reason=_sentence(str(failure)),
            details=words.details(subnet=subnet, zone=zone),
        )
        world.activities.setdefault(group.name, []).append(failed)
        world.journal.note("launch-failed", group.name, str(failure))
        delay = min(2 * getattr(group, "delay", FIRST_RETRY_SECONDS / 2), LONGEST_RETRY_SECONDS)
        group.delay, group.retry_at = delay, world.now() + world.scaled(delay)
        return False
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
    _record(world, group, member, activity)
    world.journal.note("instance", instance.id, f"launched by {group.name}: {cause}")
    return True


def forget(world: World, group: Any) -> None:
    """The group is gone; its activities can still be read with IncludeDeletedGroups."""
    group.autoscaling_backend.autoscaling_groups.pop(group.name, None)
    world.journal.note("group", group.name, "deleted")


def _members(group: Any) -> list[Member]:
    """Those the group launched itself: an instance attached by hand is nothing that this project does."""
    return [member for member in group.instance_states if isinstance(member, Member)]


def _record(world: World, group: Any, member: Member, activity: Activity) -> None:
    member.activity = activity
    recorded = world.activities.setdefault(group.name, [])
    for index, known in enumerate(recorded):
        if known.id == activity.id:
            recorded[index] = activity
            return
    recorded.append(activity)


def _request(group: Any) -> str:
    """The sentence that changed the desired capacity, for the first activities that follow from it."""
    request = getattr(group, "request", "")
    group.request = ""
    return str(request)


def _suspended(group: Any, process: str) -> bool:
    return process in (_name(p) for p in group._suspended_processes)


def _name(process: Any) -> str:
    return process["ProcessName"] if isinstance(process, dict) else str(process)


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."
