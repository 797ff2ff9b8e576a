"""The servers of one color, launched and deleted as one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_command as command

from components.alarms import Limits, alarms
from components.launch_template import LaunchTemplate
from components.listener import StackListener
from components.replacement import group_options
from components.step_command import step_command
from plan.config import stop_command
from plan.estimates import DELETING_SECONDS
from plan.group_key import GroupKey
from plan.readers.live_state import Account

# Inputs that a group has by some settings alone.
OPTIONAL = ("initialLifecycleHooks", "launchTemplate", "mixedInstancesPolicy", "capacityRebalance")
Metric = aws.autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgsDict


@dataclass(frozen=True, kw_only=True)
class GroupArgs:
    """How a group of servers behaves.

    `subnet_ids` of its servers; their `instance_types`, the preferred one first; `spot_percent` of them are Spot above
    `on_demand_base` that are not; `min_size`, `max_size`; `target_cpu_percent` and `requests_per_server` a minute
    that scaling aims at (0: no such policy); `boot_seconds` from launch to healthy; `drain_seconds` that requests
    on a leaving server may take, and then `stop_seconds` that its command may hold it (0: none); the alarms'
    `limits`, and the `topic` of SNS that they tell (ARN; empty: none); `scheduled`: the sizes are those of a launch
    alone, and AWS or a promotion changes them.
    """

    subnet_ids: Sequence[pulumi.Input[str]]
    instance_types: Sequence[str]
    spot_percent: int = 0
    on_demand_base: int = 0
    min_size: int
    max_size: int
    target_cpu_percent: int = 0
    requests_per_server: int = 0
    boot_seconds: int
    drain_seconds: int
    stop_seconds: int = 0
    limits: Limits
    topic: str = ""
    scheduled: bool = False


class MachinesDict(TypedDict, total=False):
    """The arguments of `aws.autoscaling.Group` about what it launches."""

    launch_template: aws.autoscaling.GroupLaunchTemplateArgsDict
    mixed_instances_policy: aws.autoscaling.GroupMixedInstancesPolicyArgsDict
    capacity_rebalance: bool


class AutoScalingGroup(pulumi.ComponentResource):
    """The group of one color in one generation, with its scaling policy, its alarms, and two guards of its deletion.

    Inputs: `color`; `args`; the `template` of its servers; `target_group` on the `listener`, and the rules `after`
    which the group is made: one names the target group, since only then its targets' health is checked; `tags`.

    Outputs: `group_name`, `alarm_names`, `alarm_arns`, `retire` (whoever moves traffic here must come after it).
    """

    def __init__(
        self,
        name: str,
        *,
        color: GroupKey,
        account: Account,
        args: GroupArgs,
        template: LaunchTemplate,
        target_group: aws.lb.TargetGroup,
        listener: StackListener,
        after: Sequence[pulumi.Resource] = (),
        tags: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "phoenix:index:AutoScalingGroup", name, {"color": color.color, "generation": color.generation}, opts
        )
        self._prefix, self._color, self._account, self._tags = name, color, account, color.tags(**tags)
        self._target_group, self._listener = target_group, listener
        # Made before the group, so deleted after it, and before what servers need: of a launch that was killed the
        # state may know all but the group.
        clear = self._guard("clear", {}, triggers=[target_group.arn], after=template.ready)
        # A server may need its rights and its way in from the first second.
        group = self._group(args, template, after=[*after, *template.rules, clear])
        scaling = self._scaling_policies(group, args)
        watched = alarms(
            self,
            name,
            color=color,
            target_group=target_group,
            load_balancer_arn_suffix=listener.arn_suffix,
            limits=args.limits,
            topic=args.topic,
            tags=self._tags,
        )
        # Deleted before the group and its policy: it refuses while production traffic goes to them.
        self.retire = self._guard("retire", {"group": group.name}, triggers=[group.name], after=[group, *scaling])
        self.group_name = group.name
        self.alarm_names: list[pulumi.Output[str]] = [alarm.name for alarm in watched]
        self.alarm_arns: list[pulumi.Output[str]] = [alarm.arn for alarm in watched]
        self.register_outputs({"groupName": self.group_name, "alarmNames": self.alarm_names})

    def _group(
        self, args: GroupArgs, template: LaunchTemplate, *, after: list[pulumi.Resource]
    ) -> aws.autoscaling.Group:
        return aws.autoscaling.Group(
            f"{self._prefix}-group",
            min_size=args.min_size,
            max_size=args.max_size,
            vpc_zone_identifiers=list(args.subnet_ids),
            **_machines(args, template),
            target_group_arns=[self._target_group.arn],
            health_check_type="ELB",
            health_check_grace_period=args.boot_seconds,
            default_instance_warmup=args.boot_seconds,
            # Waiting is the step verify's, which sees more and gives up earlier.
            wait_for_capacity_timeout="0",
            initial_lifecycle_hooks=_hooks(args),
            tags=[{"key": key, "value": value, "propagate_at_launch": True} for key, value in self._tags.items()],
            opts=group_options(
                self._color,
                self,
                depends_on=after,
                delete_minutes=(DELETING_SECONDS + args.drain_seconds + args.stop_seconds) / 60,
                # Verify adds a tag to it, which a refresh must not make the next update take away.
                ignore_changes=[
                    "tags",
                    *(("minSize", "maxSize") if args.scheduled else ()),
                    # What a group that is kept has, and the settings ask for no more, is none of the inputs to freeze.
                    *(OPTIONAL if self._color.pinned else ()),
                ],
            ),
        )

    def _scaling_policies(self, group: aws.autoscaling.Group, args: GroupArgs) -> list[aws.autoscaling.Policy]:
        """By CPU, by requests, or both: AWS takes the larger size, and shrinks when both would."""
        found = []
        if args.target_cpu_percent:
            cpu: Metric = {"predefined_metric_type": "ASGAverageCPUUtilization"}
            found.append(self._scaling_policy("cpu", group, cpu, args.target_cpu_percent))
        if args.requests_per_server:
            # AWS looks whether the group serves the target group, and the load balancer leads to it.
            requests: Metric = {
                "predefined_metric_type": "ALBRequestCountPerTarget",
                "resource_label": pulumi.Output.concat(self._listener.arn_suffix, "/", self._target_group.arn_suffix),
            }
            found.append(self._scaling_policy("requests", group, requests, args.requests_per_server))
        return found

    def _scaling_policy(
        self, name: str, group: aws.autoscaling.Group, metric: Metric, target: int
    ) -> aws.autoscaling.Policy:
        return aws.autoscaling.Policy(
            f"{self._prefix}-{name}",
            autoscaling_group_name=group.name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration={"predefined_metric_specification": metric, "target_value": target},
            opts=group_options(self._color, self),
        )

    def _guard(
        self,
        step: str,
        about: Mapping[str, pulumi.Input[str]],
        *,
        triggers: Sequence[pulumi.Input[str]],
        after: list[pulumi.Resource],
    ) -> command.local.Command:
        """A step that runs when it is deleted, which is before everything `after` which it is made."""
        return step_command(
            f"{self._prefix}-{step}",
            run=step,
            on_delete=True,
            account=self._account,
            environment={
                "stack": self._color.stack,
                "color": self._color.color,
                **about,
                "target_group": self._target_group.arn,
                "listener": self._listener.listener_arn,
            },
            triggers=triggers,
            opts=group_options(self._color, self, depends_on=after),
        )


def _hooks(args: GroupArgs) -> list[aws.autoscaling.GroupInitialLifecycleHookArgsDict] | None:
    """What waits for a server's command.

    The group's own: a resource beside it would be deleted before it, and so before the servers whose end it is about.
    """
    if not args.stop_seconds:
        return None
    return [
        {
            "name": stop_command.HOOK,
            "lifecycle_transition": stop_command.TRANSITION,
            "heartbeat_timeout": args.stop_seconds,
            "default_result": "CONTINUE",
        }
    ]


def _machines(args: GroupArgs, template: LaunchTemplate) -> MachinesDict:
    """What a group launches: its template as it is, or of several types, or partly as Spot.

    On demand the types are taken in their order. Spot takes those of which AWS has most to spare, and the order where
    they are alike: that is interrupted least. A server that AWS is likely to end is replaced before it does, and
    leaves the load balancer as any other (EC2 Auto Scaling user guide, "Allocation strategies for multiple instance
    types", "Capacity Rebalancing in Auto Scaling").
    """
    if len(args.instance_types) == 1 and not args.spot_percent:
        return {"launch_template": {"id": template.id, "version": template.version}}
    several = len(args.instance_types) > 1
    return {
        "mixed_instances_policy": {
            "launch_template": {
                "launch_template_specification": {"launch_template_id": template.id, "version": template.version},
                "overrides": [{"instance_type": one} for one in args.instance_types],
            },
            "instances_distribution": {
                "on_demand_allocation_strategy": "prioritized",
                "on_demand_base_capacity": args.on_demand_base if args.spot_percent else 0,
                "on_demand_percentage_above_base_capacity": 100 - args.spot_percent,
                "spot_allocation_strategy": "capacity-optimized-prioritized" if several else "capacity-optimized",
            },
        },
        "capacity_rebalance": bool(args.spot_percent),
    }
