"""Groups of servers, and how healthy the load balancer finds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from core import obstacles
from core.aws import LARGEST_PAGES, Aws, error_code, error_reason
from core.errors import StepError
from core.obstacles import Obstacle
from core.progress import Progress

if TYPE_CHECKING:
    from types_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef

# The tag that verify puts on a group; its value is the generation that was proven.
VERIFIED = "phoenix:verified"
# The tag that AWS puts on a group's servers; its value is the group's name (EC2 Auto Scaling user guide, "Tag Auto
# Scaling groups and instances").
MEMBER = "aws:autoscaling:groupName"


@dataclass(frozen=True, kw_only=True)
class Group:
    """An auto-scaling group. `leaving`: it is being deleted. `held`: servers that a hook keeps from their service.

    `protected`: promote has AWS refuse to delete it. `wanted_types`: the types of servers that it may launch, the
    preferred one first, where it may launch several; `types`: those that its servers have.
    """

    name: str
    minimum: int
    maximum: int
    desired: int
    instances: tuple[str, ...]
    target_groups: tuple[str, ...]
    tags: Mapping[str, str]
    created: datetime
    leaving: bool = False
    obstacles: tuple[Obstacle, ...] = ()
    held: tuple[str, ...] = ()
    protected: bool = False
    wanted_types: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def barred(self, what: str) -> tuple[Obstacle, ...]:
        """The obstacles to what the group is to do (`core.obstacles`)."""
        return obstacles.barring(self.obstacles, what)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server as the load balancer sees it. States, reasons: TargetHealth in the ELB API reference."""

    id: str
    state: str
    reason: str = ""
    description: str = ""

    def __str__(self) -> str:
        return f"{self.id} {self.state}" + (f" ({self.reason})" if self.reason else "")


def read_groups(aws: Aws, stack: str) -> tuple[Group, ...]:
    """All groups of a stack, those that are being deleted too."""
    found: list[Group] = []
    pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(
        Filters=[{"Name": "tag:phoenix:stack", "Values": [stack]}]
    )
    for page in pages:
        found += [_group(one) for one in page["AutoScalingGroups"]]
    return tuple(found)


def read_group(aws: Aws, name: str) -> Group:
    """One group. Raises StepError when it is gone."""
    found = aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not found:
        raise StepError(
            "PHX-011",
            f"the group {name} is not there",
            do="run `pulumi refresh`, then `pulumi up`: that launches it again",
        )
    return _group(found[0])


def template_of(one: Mapping[str, Any]) -> Mapping[str, str]:
    """What a group launches from: its template, or that of its mixed instances policy; empty for neither."""
    policy = one.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    found: Mapping[str, str] = one.get("LaunchTemplate") or policy.get("LaunchTemplateSpecification", {})
    return found


def _group(one: AutoScalingGroupTypeDef) -> Group:
    policy = one.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    staying = [each for each in one.get("Instances", []) if not each["LifecycleState"].startswith("Terminat")]
    return Group(
        name=one["AutoScalingGroupName"],
        minimum=one["MinSize"],
        maximum=one["MaxSize"],
        desired=one["DesiredCapacity"],
        instances=tuple(instance["InstanceId"] for instance in staying),
        target_groups=tuple(one.get("TargetGroupARNs", [])),
        tags={tag["Key"]: tag.get("Value", "") for tag in one.get("Tags", [])},
        created=one["CreatedTime"],
        leaving=bool(one.get("Status")),
        obstacles=obstacles.find_obstacles(one),
        held=tuple(
            instance["InstanceId"]
            for instance in one.get("Instances", [])
            if instance["LifecycleState"] == "Pending:Wait"
        ),
        protected=obstacles.is_guarded(one),
        wanted_types=tuple(kind["InstanceType"] for kind in policy.get("Overrides", []) if "InstanceType" in kind),
        types=tuple(instance["InstanceType"] for instance in staying if "InstanceType" in instance),
    )


def groups_serving(everything: Iterable[Group], target_group: str) -> Group | None:
    """The group whose servers a target group has; None when it is gone."""
    return next((one for one in everything if target_group in one.target_groups and not one.leaving), None)


def read_targets(aws: Aws, target_group: str) -> tuple[Target, ...]:
    """The servers of a target group; none when the target group is gone."""
    try:
        answer = aws.elbv2.describe_target_health(TargetGroupArn=target_group)
    except ClientError as error:
        if error_code(error) == "TargetGroupNotFound":
            return ()
        raise
    return tuple(
        Target(
            id=one["Target"]["Id"],
            state=one["TargetHealth"]["State"],
            reason=one["TargetHealth"].get("Reason", ""),
            description=one["TargetHealth"].get("Description", ""),
        )
        for one in answer["TargetHealthDescriptions"]
    )


def healthy(found: Iterable[Target]) -> int:
    return sum(target.state == "healthy" for target in found)


def summary(found: Iterable[Target]) -> str:
    """What those that are not healthy are doing, for a line of progress."""
    return ", ".join(str(target) for target in found if target.state not in {"healthy", "draining"})


def set_minimum(aws: Aws, one: Group, minimum: int) -> None:
    """Sets the size below which a group may not go.

    Raising it lifts the desired capacity too, and no scaling policy goes below it (EC2 Auto Scaling user guide,
    "Set scaling limits").
    """
    aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=one.name, MinSize=minimum)


def set_sizes(aws: Aws, one: Group, minimum: int, maximum: int) -> None:
    """Sets between which sizes a group is."""
    aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=one.name, MinSize=minimum, MaxSize=maximum)


def protect(aws: Aws, name: str) -> None:
    """Has AWS refuse to delete a group (EC2 Auto Scaling user guide, "Configure deletion protection").

    The AWS provider does not know the setting, so it leaves it as it is.
    """
    tag_group(aws, name, {obstacles.GUARDED: "while it serves"})
    aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, DeletionProtection="prevent-all-deletion")


def let_go(aws: Aws, group: Group) -> None:
    """Takes away what `protect` has set; what somebody set by hand stays."""
    if group.protected:
        aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=group.name, DeletionProtection="none")


def tag_group(aws: Aws, group: str, tags: Mapping[str, str]) -> None:
    """Tags a group, and not its servers. The program ignores changes of a group's tags."""
    aws.autoscaling.create_or_update_tags(
        Tags=[
            {
                "ResourceId": group,
                "ResourceType": "auto-scaling-group",
                "Key": key,
                "Value": value,
                "PropagateAtLaunch": False,
            }
            for key, value in tags.items()
        ]
    )


def require_servers(one: Group) -> None:
    """Raises StepError for a group that may have no server: no gate could say anything of it."""
    if not one.maximum:
        raise StepError(
            "PHX-012",
            f"{one.name} may have no server: its MaxSize is 0",
            why="somebody scaled it down, perhaps for the night",
            do=f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {one.name} --max-size N, with "
            "what maxSize says; then run `pulumi up` again",
        )


def target_size(*, minimum: int, live: int, maximum: int) -> int:
    """The least size of a group that is to take over from one of `live` servers; never none."""
    return min(max(minimum, live, 1), maximum)


def servers_for_share(live: int, share: int) -> int:
    """How many servers a share of the traffic (percent) of `live` servers needs, and one to spare; at most as many."""
    return min(live, math.ceil(live * share / 100) + 1)


def launch_times(aws: Aws, group: Group) -> dict[str, datetime]:
    """When a group's servers were launched; nothing of those that are gone, or when it may not be asked.

    By the tag that AWS gives them: a filter takes 200 ids, and no more (EC2 user guide, "Filter resources").
    """
    if not group.instances:
        return {}
    try:
        pages = aws.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": f"tag:{MEMBER}", "Values": [group.name]}], PaginationConfig=LARGEST_PAGES
        )
        return {
            one["InstanceId"]: one["LaunchTime"]
            for page in pages
            for lot in page["Reservations"]
            for one in lot["Instances"]
            if one["InstanceId"] in group.instances
        }
    except (ClientError, BotoCoreError):
        return {}


def write_record(aws: Aws, progress: Progress, group: str, tags: Mapping[str, str]) -> None:
    """Tags a group once all is done: what fails then is told, and undoes nothing."""
    try:
        tag_group(aws, group, tags)
    except (ClientError, BotoCoreError) as error:
        progress.line(f"the release record of {group} could not be written ({error_reason(error)}); it only informs")
