"""What a scaling policy by requests must name: moto takes any label.

Source: PredefinedMetricSpecification in EC2 Auto Scaling's API reference: the last parts of the ARNs of load balancer
and target group, of which the target group is attached to the group, and the load balancer leads to it.
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend

from rehearsal.cloud.moto_patches.groups import find_group
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

BY_REQUESTS = "ALBRequestCountPerTarget"


@around(AutoScalingBackend, "put_scaling_policy")
def names_the_groups_own_targets(cloud: CloudState, original: Correction, backend: Any, **given: Any) -> Any:
    metric = given["target_tracking_config"].get("PredefinedMetricSpecification") or {}
    if metric.get("PredefinedMetricType") == BY_REQUESTS:
        _check_label(backend, find_group(backend, given["as_name"]), metric.get("ResourceLabel") or "")
    return original(backend, **given)


def _check_label(backend: Any, group: Any, label: str) -> None:
    known = backend.elbv2_backend.target_groups
    attached = [known[arn] for arn in group.target_group_arns if arn in known]
    if label not in {
        f"{balancer.split(':loadbalancer/')[1]}/{target.arn.split(':')[5]}"
        for target in attached
        for balancer in target.load_balancer_arns
    }:
        raise ValidationError(f"Invalid ResourceLabel {label!r}: no load balancer leads to targets of {group.name} so")
