"""Sizes that the group which serves gets at set times, by AWS itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from plan.config.schedule import ScheduledSize
from plan.readers.group_automation import OWN

# What the provider takes for no size.
NONE = -1


class SizeSchedule(pulumi.ComponentResource):
    """Scheduled actions of one group.

    Inputs: `group_name`; the `schedule` by names; `after` which production is with the group.
    """

    def __init__(
        self,
        name: str,
        *,
        group_name: pulumi.Input[str],
        schedule: Mapping[str, ScheduledSize],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:SizeSchedule", name, {"times": sorted(schedule)}, opts)
        for one, said in sorted(schedule.items()):
            aws.autoscaling.Schedule(
                f"{name}-{one}",
                scheduled_action_name=f"{OWN}{one}",
                autoscaling_group_name=group_name,
                recurrence=said.cron,
                time_zone=said.time_zone,
                min_size=said.min_size,
                max_size=said.max_size,
                desired_capacity=NONE if said.desired is None else said.desired,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=list(after),
                    # Changed in place it would be sent with the start that the state has, which AWS refuses once it is
                    # past (terraform-provider-aws, internal/service/autoscaling/schedule.go); and no two begin at once.
                    replace_on_changes=["*"],
                    delete_before_replace=True,
                ),
            )
        self.register_outputs({"groupName": group_name})
