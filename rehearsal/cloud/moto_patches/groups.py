"""Auto-scaling groups: an API call only says what is wanted; launching and terminating is the reconciler's, over time.

Source: EC2 Auto Scaling's API reference (errors, how MinSize moves the desired capacity, ForceDelete).
"""

from __future__ import annotations

import copy
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from rehearsal.autoscaling import activity as words
from rehearsal.autoscaling import reconcile
from rehearsal.autoscaling.launch import template_problem
from rehearsal.autoscaling.member import deregister
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(FakeAutoScalingGroup, "set_desired_capacity")
def only_says_what_is_wanted(cloud: CloudState, original: Correction, group: Any, capacity: int | None) -> None:
    """`group.request` keeps the sentence that the next activities begin their cause with."""
    before = getattr(group, "desired_capacity", None)
    group.desired_capacity = group.min_size if capacity is None else capacity
    if before is None:
        who = "a user request created an AutoScalingGroup"
    else:
        who = getattr(group, "requester", "a user request explicitly set group desired capacity")
    if (before or 0) != group.desired_capacity:
        group.request = (
            f"At {words.stamp()} {who} changing the desired capacity from {before or 0} to {group.desired_capacity}."
        )
        group.retry_at = 0.0


@around(FakeAutoScalingGroup, "update")
def bounds_move_the_desired_capacity(
    cloud: CloudState,
    original: Correction,
    group: Any,
    *,
    desired_capacity: int | None,
    max_size: int | None,
    min_size: int | None,
    **settings: Any,
) -> None:
    """moto compares the bounds with the instances there are; AWS does with the desired capacity."""
    if not settings.get("mixed_instances_policy") and not settings.get("launch_template"):
        settings["mixed_instances_policy"] = _kept_policy(group)
    low = group.min_size if min_size is None else min_size
    high = group.max_size if max_size is None else max_size
    wanted = _within(low=low, high=high, desired=desired_capacity, before=group.desired_capacity)
    group.requester = (
        f"a user request update of AutoScalingGroup constraints to min: {low}, max: {high}, desired: {wanted}"
    )
    try:
        original(group, desired_capacity=wanted, max_size=max_size, min_size=min_size, **settings)
    finally:
        del group.requester


def _kept_policy(group: Any) -> dict[str, Any] | None:
    """The policy as an update could name it: moto forgets it with one that does not, and takes a name or an id."""
    if not group.mixed_instances_policy:
        return None
    kept = copy.deepcopy(group.mixed_instances_policy)
    kept["LaunchTemplate"]["LaunchTemplateSpecification"].pop("LaunchTemplateName", None)
    return dict(kept)


def _within(*, low: int, high: int, desired: int | None, before: int) -> int:
    if low > high:
        raise ValidationError(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
    if desired is None:
        return min(max(before, low), high)
    if not low <= desired <= high:
        raise ValidationError(
            f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}"
        )
    return desired


@around(AutoScalingBackend, "set_desired_capacity")
def stays_within_bounds(
    cloud: CloudState, original: Correction, backend: Any, group_name: str, capacity: int | None
) -> None:
    group = find_group(backend, group_name)
    if capacity is not None and capacity > group.max_size:
        raise ValidationError(
            f"New SetDesiredCapacity value {capacity} is above max value {group.max_size} for the AutoScalingGroup."
        )
    if capacity is not None and capacity < group.min_size:
        raise ValidationError(
            f"New SetDesiredCapacity value {capacity} is below min value {group.min_size} for the AutoScalingGroup."
        )
    group.set_desired_capacity(capacity)


@around(AutoScalingBackend, "create_auto_scaling_group")
def must_be_launchable(cloud: CloudState, original: Correction, backend: Any, **settings: Any) -> Any:
    name = settings["name"]
    if name in backend.autoscaling_groups:
        raise AutoscalingClientError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
    low, high, desired = settings["min_size"], settings["max_size"], settings["desired_capacity"]
    _within(low=low, high=high, desired=low if desired is None else desired, before=low)
    if set(settings["target_group_arns"]) - set(backend.elbv2_backend.target_groups):
        raise ValidationError("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    group = original(backend, **settings)
    # moto takes 0 for "not given" and 300 for the default; the API's default is 0.
    group.health_check_grace_period = int(settings["health_check_period"] or 0)
    try:
        _refuse_broken_template(group)
    except BaseException:
        backend.autoscaling_groups.pop(name)
        raise
    cloud.journal.record("group", name, f"created, desired capacity {group.desired_capacity}")
    return group


@around(AutoScalingBackend, "update_auto_scaling_group")
def must_stay_launchable(cloud: CloudState, original: Correction, backend: Any, **settings: Any) -> Any:
    group = find_group(backend, settings["name"])
    if getattr(group, "status", None):
        raise AutoscalingClientError("ScalingActivityInProgress", f"AutoScalingGroup {group.name} is pending delete")
    updated = original(backend, **settings)
    if settings.get("launch_template") or settings.get("mixed_instances_policy"):
        _refuse_broken_template(updated)
    return updated


def _refuse_broken_template(group: Any) -> None:
    if group.ec2_launch_template is not None and (problem := template_problem(group)):
        raise ValidationError(f"You must use a valid fully-formed launch template. {problem}")


@around(AutoScalingBackend, "update_attached_target_groups")
def registered_when_in_service(cloud: CloudState, original: Correction, backend: Any, group_name: str) -> None:
    """Nothing now: the reconciler registers each instance when it enters service."""


@around(AutoScalingBackend, "notify_terminate_instances")
def noticed_by_the_health_check(cloud: CloudState, original: Correction, backend: Any, instance_ids: list[str]) -> None:
    """Nothing now: the group's own EC2 health check finds the instance gone, and replaces it."""


@around(AutoScalingBackend, "terminate_instance")
def drains_before_it_terminates(
    cloud: CloudState, original: Correction, backend: Any, instance_id: str, should_decrement: bool
) -> Any:
    for group in backend.autoscaling_groups.values():
        for member in group.instance_states:
            if member.instance.id == instance_id:
                before = group.desired_capacity
                if should_decrement:
                    if before - 1 < group.min_size:
                        raise ValidationError(
                            "Currently, desiredSize equals minSize. Terminating instance without replacement will "
                            "violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to "
                            "false or lower group's min size."
                        )
                    group.desired_capacity = before - 1
                cause = words.requested(instance_id=instance_id, before=before, after=group.desired_capacity)
                return reconcile.start_termination(cloud, group, member, cause).answer()
    raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


@around(AutoScalingBackend, "detach_instances")
def leaves_its_target_groups(
    cloud: CloudState, original: Correction, backend: Any, group_name: str, instance_ids: list[str], decrement: bool
) -> Any:
    group = find_group(backend, group_name)
    for member in group.instance_states:
        if member.instance.id in instance_ids:
            deregister(group, member)
    return original(backend, group_name, instance_ids, decrement)


@around(AutoScalingResponse, "delete_auto_scaling_group")
def empties_before_it_goes(cloud: CloudState, original: Correction, response: Any) -> Any:
    group = find_group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    forced = response._get_bool_param("ForceDelete", False)
    protection = getattr(group, "deletion_protection", "none")
    if protection == "prevent-all-deletion" or (forced and protection == "prevent-force-deletion"):
        raise AutoscalingClientError(
            "ValidationError",
            f"AutoScalingGroup {group.name} can't be deleted: DeletionProtection is {protection}",
        )
    if not forced:
        if any(member.lifecycle_state.startswith("Terminating") for member in group.instance_states):
            raise AutoscalingClientError(
                "ScalingActivityInProgress",
                "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
            )
        if group.instance_states:
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances still in the group.",
            )
    group.min_size = 0
    group.requester = "a user request force deleted AutoScalingGroup"
    group.set_desired_capacity(0)
    del group.requester
    group.status = "Delete in progress"
    # Its scaling policies go with it (DeleteAutoScalingGroup).
    policies = response.autoscaling_backend.policies
    for name in [name for name, policy in policies.items() if policy.auto_scaling_group_name == group.name]:
        del policies[name]
    if not group.instance_states:
        reconcile.remove_group(cloud, group)
    return EmptyResult()


@around(AutoScalingResponse, "describe_scaling_activities")
def tells_its_activities(cloud: CloudState, original: Correction, response: Any) -> Any:
    """Newest first; those of a deleted group only when IncludeDeletedGroups says so."""
    groups = response.autoscaling_backend.autoscaling_groups
    deleted_too = response._get_bool_param("IncludeDeletedGroups", False)
    wanted = response._get_param("AutoScalingGroupName")
    ids = response._get_param("ActivityIds", [])
    found = [
        activity
        for name, activities in cloud.activities.items()
        if (name == wanted if wanted else True) and (deleted_too or name in groups)
        for activity in activities
        if not ids or activity.id in ids
    ]
    found.sort(key=lambda activity: activity.start, reverse=True)
    start = int(response._get_param("NextToken") or 0)
    end = start + (response._get_int_param("MaxRecords") or 100)
    return ActionResult(
        {
            "Activities": [activity.answer() for activity in found[start:end]],
            "NextToken": str(end) if end < len(found) else None,
        }
    )


def find_group(backend: Any, name: str) -> Any:
    group = backend.autoscaling_groups.get(name)
    if group is None:
        raise ValidationError("AutoScalingGroup name not found - null")
    return group
