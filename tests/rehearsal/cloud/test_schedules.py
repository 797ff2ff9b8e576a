"""Scheduled actions of the local cloud are a group's own."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import autoscaling_backends

from rehearsal.cloud.cloud import Cloud
from rehearsal.state.cloud_state import ACCOUNT
from tests.rehearsal.cloud.test_refusals import refused


def test_actions_of_one_name_are_two_groups_own_and_begin_at_times_of_their_own(tmp_path: Any) -> None:
    with Cloud(tmp_path, time_scale=0.02) as cloud:
        scaling = cloud.client("autoscaling")
        known = autoscaling_backends[ACCOUNT][cloud.region]
        known.autoscaling_groups.update({"one": None, "two": None})
        try:
            put, when = scaling.put_scheduled_update_group_action, {"Recurrence": "0 7 * * *", "MinSize": 1}
            for group in ("one", "two"):
                put(AutoScalingGroupName=group, ScheduledActionName="morning", **when)
            put(AutoScalingGroupName="one", ScheduledActionName="morning", **when, MaxSize=3)

            def no(words: str, **said: Any) -> None:
                given = {"AutoScalingGroupName": "one", "ScheduledActionName": "other", **said}
                refused(put, "ValidationError", words, **given)

            no("start time already exists", **when)
            no("must rise", Recurrence="0 8 * * *", MinSize=2, MaxSize=1)
            no("At least one", Recurrence="0 8 * * *")
            no("not found", AutoScalingGroupName="gone", **when)
            scaling.delete_scheduled_action(AutoScalingGroupName="one", ScheduledActionName="morning")
            left = scaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"]
            assert [one["AutoScalingGroupName"] for one in left] == ["two"]
            del known.autoscaling_groups["two"]
            assert scaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"] == []
        finally:
            known.autoscaling_groups.clear()
