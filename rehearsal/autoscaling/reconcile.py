"""A group's life: each pass brings what there is a step nearer to what is wanted, and records why as AWS would.

Source: "Amazon EC2 Auto Scaling instance lifecycle" and "Health checks for instances in an Auto Scaling group".
"""

from __future__ import annotations

from typing import Any

from rehearsal.autoscaling import activity as words
from rehearsal.autoscaling.lifecycle_hooks import LAUNCHING, TERMINATING, waits_for_hook
from rehearsal.autoscaling.member import (
    Member,
    capacity_change_cause,
    deregister,
    draining,
    members,
    record,
    register,
    suspended,
)
from rehearsal.autoscaling.scale_out import delay_retry, scale_out
from rehearsal.autoscaling.termination_policy import Candidate, select_for_termination
from rehearsal.state.cloud_state import CloudState
from rehearsal.state.scaling_activity import Activity
from rehearsal.state.target_health import UNHEALTHY


def reconcile(state: CloudState, group: Any) -> None:
    """One pass over a group; called under the state's lock."""
    _enter_service(state, group)
    _replace_unhealthy(state, group)
    _scale_in(state, group)
    _finish_termination(state, group)
    if getattr(group, "status", None):
        if not group.instance_states:
            remove_group(state, group)
        return
    scale_out(state, group)


def _enter_service(state: CloudState, group: Any) -> None:
    for member in members(group):
        coming = member.lifecycle_state.startswith("Pending") and member.instance.state == "running"
        if coming and not waits_for_hook(state, group, member, LAUNCHING):
            member.lifecycle_state = "InService"
            member.in_service_since = state.now()
            record(state, group, member, words.finished(member.activity))
        if member.lifecycle_state == "InService" and not suspended(group, "AddToLoadBalancer"):
            register(group, member)


def _replace_unhealthy(state: CloudState, group: Any) -> None:
    for member in members(group):
        if suspended(group, "HealthCheck") or member.terminating or member.on_standby:
            continue
        cause = None
        if member.instance.state not in ("pending", "running"):
            cause = words.unhealthy(elb=False)
        elif _fails_elb_check(state, group, member):
            cause = words.unhealthy(elb=True)
        elif member.health_status == "Unhealthy":
            cause = words.user_health()
        if cause is not None:
            member.health_status = "Unhealthy"
            if not suspended(group, "ReplaceUnhealthy"):
                start_termination(state, group, member, cause)
                group.replacing = getattr(group, "replacing", 0) + 1
                if hasattr(member.instance, "ended_for"):
                    delay_retry(state, group)


def _fails_elb_check(state: CloudState, group: Any, member: Member) -> bool:
    grace = state.scaled(float(group.health_check_grace_period or 0))
    if group.health_check_type != "ELB" or member.in_service_since is None:
        return False
    if state.now() < member.in_service_since + grace:
        return False
    found = [state.health.get((arn, member.instance.id)) for arn in member.target_groups]
    return any(health is not None and health.state == UNHEALTHY for health in found)


def _scale_in(state: CloudState, group: Any) -> None:
    forced = getattr(group, "status", None)
    staying = [member for member in members(group) if not member.terminating and (forced or not member.on_standby)]
    surplus = len(staying) - group.desired_capacity
    if surplus <= 0 or (suspended(group, "Terminate") and not forced):
        return
    chosen = select_for_termination(
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
    request = capacity_change_cause(group)
    for member in staying:
        if member.instance.id in chosen:
            cause = words.shrunk(
                request=request,
                actual=len(staying),
                desired=group.desired_capacity,
                instance_id=member.instance.id,
            )
            start_termination(state, group, member, cause)


def start_termination(state: CloudState, group: Any, member: Member, cause: str) -> Activity:
    """Takes an instance out of service; it terminates when its targets have drained."""
    if member.lifecycle_state.startswith("Pending"):
        record(state, group, member, words.canceled(member.activity, _boot_failure(member)))
    member.lifecycle_state = "Terminating"
    deregister(group, member)
    member.activity = words.termination(
        group=group.name,
        group_arn=group.arn,
        cause=cause,
        instance_id=member.instance.id,
        details=words.details(subnet=member.instance.subnet_id, zone=member.availability_zone),
        waits_for_draining=draining(state, member),
    )
    record(state, group, member, member.activity)
    state.journal.record("instance", member.instance.id, f"leaves {group.name}: {cause}")
    return member.activity


def _boot_failure(member: Member) -> str:
    """Source: "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures" (Client.InternalError)."""
    reason = getattr(member.instance, "ended_for", None)
    if reason is None:
        return "The instance was terminated before it booted."
    return (
        f"Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: {reason}"
    )


def _finish_termination(state: CloudState, group: Any) -> None:
    for member in members(group):
        if member.terminating and not draining(state, member) and not waits_for_hook(state, group, member, TERMINATING):
            if member.instance.state != "terminated":
                group.ec2_backend.terminate_instances([member.instance.id])
            group.instance_states.remove(member)
            record(state, group, member, words.finished(member.activity))


def remove_group(state: CloudState, group: Any) -> None:
    """The group is gone; its activities can still be read with IncludeDeletedGroups."""
    group.autoscaling_backend.autoscaling_groups.pop(group.name, None)
    state.journal.record("group", group.name, "deleted")
