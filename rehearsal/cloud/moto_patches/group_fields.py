"""What a group was created with and moto forgets, so that reading a group back shows no change that nobody made."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.responses import AutoScalingResponse

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(AutoScalingResponse, "create_auto_scaling_group")
def is_kept_from_its_creation(cloud: CloudState, original: Correction, response: Any) -> Any:
    answer = original(response)
    _keep(response)
    return answer


@around(AutoScalingResponse, "update_auto_scaling_group")
def is_kept_from_an_update(cloud: CloudState, original: Correction, response: Any) -> Any:
    answer = original(response)
    _keep(response)
    return answer


def _keep(response: Any) -> None:
    group = response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]
    warmup = response._get_int_param("DefaultInstanceWarmup")
    if warmup is not None:  # -1 takes it away
        group.default_instance_warmup = warmup if warmup >= 0 else None
    reservation = response._get_param("CapacityReservationSpecification")
    if reservation or not hasattr(group, "capacity_reservation_specification"):
        group.capacity_reservation_specification = reservation or {"CapacityReservationPreference": "default"}
