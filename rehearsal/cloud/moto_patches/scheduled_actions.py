"""Scheduled actions are a group's own, and go with it; AWS refuses two of a group that begin at one time, and sizes
that do not rise. moto has one action of a name in an account.

Source: "Scheduled scaling for Amazon EC2 Auto Scaling", EC2 Auto Scaling user guide; the words are those of
PutScheduledUpdateGroupAction.
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeScheduledAction

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(AutoScalingBackend, "put_scheduled_update_group_action")
def belongs_to_its_group(cloud: CloudState, original: Correction, backend: Any, **given: Any) -> Any:
    if given["name"] not in backend.autoscaling_groups:
        raise ValidationError("AutoScalingGroup name not found - null")
    sizes = [given["min_size"], given["desired_capacity"], given["max_size"]]
    said = [int(one) for one in sizes if one is not None]
    if not said:
        raise ValidationError("At least one of Desired Capacity, Min Size or Max Size must be specified")
    if said != sorted(said):
        raise ValidationError("Min bound, desired capacity and max bound of a scheduled action must rise")
    when = (given["recurrence"], given["timezone"], given["start_time"])
    for one in backend.describe_scheduled_actions(given["name"]):
        same = one.scheduled_action_name == given["scheduled_action_name"]
        if not same and when == (one.recurrence, one.time_zone, one.start_time):
            raise ValidationError("A scheduled action with this scheduled start time already exists")
    others = dict(backend.scheduled_actions)
    made = original(backend, **given)
    backend.scheduled_actions.clear()
    backend.scheduled_actions.update({**others, _key(made): made})
    return made


@around(AutoScalingBackend, "delete_scheduled_action")
def ends_one_of_a_group(
    cloud: CloudState, original: Correction, backend: Any, auto_scaling_group_name: str, scheduled_action_name: str
) -> None:
    if backend.scheduled_actions.pop(f"{auto_scaling_group_name}/{scheduled_action_name}", None) is None:
        raise ValidationError("Scheduled action name not found")


@around(AutoScalingBackend, "describe_scheduled_actions")
def of_groups_that_are_there(
    cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any
) -> list[Any]:
    found: list[Any] = original(backend, *args, **kwargs)
    return [one for one in found if one.auto_scaling_group_name in backend.autoscaling_groups]


def _key(one: FakeScheduledAction) -> str:
    return f"{one.auto_scaling_group_name}/{one.scheduled_action_name}"
