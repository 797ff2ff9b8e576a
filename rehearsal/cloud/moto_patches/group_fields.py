"""What a group was created with and moto forgets, so that reading a group back shows no change that nobody made."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.responses import AutoScalingResponse

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

PROTECTIONS = ("none", "prevent-force-deletion", "prevent-all-deletion")


@around(AutoScalingResponse, "create_auto_scaling_group")
def is_kept_from_its_creation(cloud: CloudState, original: Correction, response: Any) -> Any:
    _check(response)
    answer = original(response)
    _keep(response)
    return answer


@around(AutoScalingResponse, "update_auto_scaling_group")
def is_kept_from_an_update(cloud: CloudState, original: Correction, response: Any) -> Any:
    _check(response)
    answer = original(response)
    _keep(response)
    return answer


def _check(response: Any) -> None:
    if response._get_param("DeletionProtection") not in (None, *PROTECTIONS):
        raise AutoscalingClientError("ValidationError", f"DeletionProtection must be one of {', '.join(PROTECTIONS)}")


def _keep(response: Any) -> None:
    group = response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]
    warmup = response._get_int_param("DefaultInstanceWarmup")
    if warmup is not None:  # -1 takes it away
        group.default_instance_warmup = warmup if warmup >= 0 else None
    protection = response._get_param("DeletionProtection")
    if protection or not hasattr(group, "deletion_protection"):
        group.deletion_protection = protection or "none"
    reservation = response._get_param("CapacityReservationSpecification")
    if reservation or not hasattr(group, "capacity_reservation_specification"):
        group.capacity_reservation_specification = reservation or {"CapacityReservationPreference": "default"}
