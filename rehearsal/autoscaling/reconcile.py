"""A group's life: each pass brings what there is a step nearer to what is wanted, and records why as AWS would.

Source: "Amazon EC2 Auto Scaling instance lifecycle" and "Health checks for instances in an Auto Scaling group".
"""

from __future__ import annotations

from typing import Any

from rehearsal.autoscaling import activity as words
from rehearsal.autoscaling.lifecycle_hooks import LAUNCHING, TERMINATING, held
from rehearsal.autoscaling.member import Member, deregister, draining, members, record, register, request_of, suspended
from rehearsal.autoscaling.scale_out import grow, put_off
from rehearsal.autoscaling.termination_policy import Candidate, leavers
from rehearsal.state.cloud_state import World
from rehearsal.state.scaling_activity import Activity
from rehearsal.state.target_health import UNHEALTHY


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
    grow(world, group)


def _enter_service(world: World, group: Any) -> None:
    for member in members(group):
        coming = member.lifecycle_state.startswith("Pending") and member.instance.state == "running"
        if coming and not held(world, group, member, LAUNCHING):
            member.lifecycle_state = "InService"
            member.in_service_since = world.now()
            record(world, group, member, words.finished(member.activity))
        if member.lifecycle_state == "InService" and not suspended(group, "AddToLoadBalancer"):
            register(group, member)


def _replace_unhealthy(world: World, group: Any) -> None:
    for member in members(group):
        if suspended(group, "HealthCheck") or member.leaving or member.aside:
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
            if not suspended(group, "ReplaceUnhealthy"):
                leave(world, group, member, cause)
                group.replacing = getattr(group, "replacing", 0) + 1
                if hasattr(member.instance, "ended_for"):
                    put_off(world, group)


def _fails_at_the_balancer(world: World, group: Any, member: Member) -> bool:
    grace = world.scaled(float(group.health_check_grace_period or 0))
    if group.health_check_type != "ELB" or member.in_service_since is None:
        return False
    if world.now() < member.in_service_since + grace:
        return False
    found = [world.health.get((arn, member.instance.id)) for arn in member.target_groups]
    return any(health is not None and health.state == UNHEALTHY for health in found)


def _shrink(world: World, group: Any) -> None:
    forced = getattr(group, "status", None)
    staying = [member for member in members(group) if not member.leaving and (forced or not member.aside)]
    surplus = len(staying) - group.desired_capacity
    if surplus <= 0 or (suspended(group, "Terminate") and not forced):
        return
    chosen = leavers(
        [
            Candidate(
                id=member.instance.id,
                zone=member.availability_zone,
                launched=member.launched,
                protected=bool(member.protected_from_scale_in) and not forced,
                pending=member.lifecycle_state.startswith("Pending"),
            )
            for member in staying
        ],
        surplus=surplus,
    )
    request = request_of(group)
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
    if member.lifecycle_state.startswith("Pending"):
        record(world, group, member, words.canceled(member.activity, _end_of_a_boot(member)))
    member.lifecycle_state = "Terminating"
    deregister(group, member)
    member.activity = words.termination(
        group=group.name,
        group_arn=group.arn,
        cause=cause,
        instance_id=member.instance.id,
        details=words.details(subnet=member.instance.subnet_id, zone=member.availability_zone),
        waits_for_draining=draining(world, member),
    )
    record(world, group, member, member.activity)
    world.journal.note("instance", member.instance.id, f"leaves {group.name}: {cause}")
    return member.activity


def _end_of_a_boot(member: Member) -> str:
    """Source: "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures" (Client.InternalError)."""
    reason = getattr(member.instance, "ended_for", None)
    if reason is None:
        return "The instance was terminated before it booted."
    return (
        f"Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: {reason}"
    )


def _finish_leaving(world: World, group: Any) -> None:
    for member in members(group):
        if member.leaving and not draining(world, member) and not held(world, group, member, TERMINATING):
            if member.instance.state != "terminated":
                group.ec2_backend.terminate_instances([member.instance.id])
            group.instance_states.remove(member)
            record(world, group, member, words.finished(member.activity))


def forget(world: World, group: Any) -> None:
    """The group is gone; its activities can still be read with IncludeDeletedGroups."""
    group.autoscaling_backend.autoscaling_groups.pop(group.name, None)
    world.journal.note("group", group.name, "deleted")
