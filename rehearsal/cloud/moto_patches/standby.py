"""Servers that are put aside or held, and instance refreshes: what moto does at once, or not at all.

Source: EC2 Auto Scaling's API reference (EnterStandby, CompleteLifecycleAction, DescribeInstanceRefreshes).
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from rehearsal.autoscaling.lifecycle_hooks import LAUNCHING, TERMINATING
from rehearsal.autoscaling.member import deregister, members
from rehearsal.cloud.moto_patches.groups import find_group
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(AutoScalingBackend, "enter_standby_instances")
def leaves_the_load_balancer(
    cloud: CloudState, original: Correction, backend: Any, group_name: str, instance_ids: list[str], decrement: bool
) -> Any:
    group = find_group(backend, group_name)
    if decrement and group.desired_capacity - len(instance_ids) < group.min_size:
        raise ValidationError(
            f"AutoScalingGroup {group_name} has min-size={group.min_size}, max-size={group.max_size}, and desired-size="
            f"{group.desired_capacity}. To place into standby {len(instance_ids)} more instances, please update the "
            "AutoScalingGroup sizes appropriately."
        )
    for member in members(group):
        if member.instance.id in instance_ids:
            deregister(group, member)
            member.target_groups.clear()
    return original(backend, group_name, instance_ids, decrement)


def complete_lifecycle_action(self: AutoScalingResponse) -> EmptyResult:
    group = find_group(self.autoscaling_backend, self._get_param("AutoScalingGroupName"))
    hook = self._get_param("LifecycleHookName")
    for member in members(group):
        waits = member.waits.get(TERMINATING if member.terminating else LAUNCHING, {})
        held = member.lifecycle_state.endswith(":Wait") and hook in waits
        if member.instance.id == self._get_param("InstanceId") and held:
            member.completed.add(hook)
            return EmptyResult()
    raise ValidationError(f"No active Lifecycle Action found with instance ID {self._get_param('InstanceId')}")


def describe_instance_refreshes(self: AutoScalingResponse) -> ActionResult:
    """Nobody can begin one here."""
    return ActionResult({"InstanceRefreshes": []})


for method in (complete_lifecycle_action, describe_instance_refreshes):
    if not hasattr(AutoScalingResponse, method.__name__):
        setattr(AutoScalingResponse, method.__name__, method)
