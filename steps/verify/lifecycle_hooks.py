"""Lifecycle hooks that hold servers of a group back: which ones, for how long, and what lets them go.

Source: "Amazon EC2 Auto Scaling lifecycle hooks" in the user guide. A hook holds each server until somebody completes
its action, or its heartbeat times out. The program sets none: whoever did has to let the servers go.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from core.aws import Aws
from core.obstacles import Obstacle
from core.server_groups import Group

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"


def holding(aws: Aws, group: Group) -> Obstacle | None:
    """What holds servers of the group that are to come; None when none is held."""
    if not group.held:
        return None
    try:
        found = aws.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=group.name)["LifecycleHooks"]
        hooks = {
            one["LifecycleHookName"]: one.get("HeartbeatTimeout", 3600)
            for one in found
            if one.get("LifecycleTransition") == LAUNCHING
        }
    except (ClientError, BotoCoreError):
        hooks = {}  # It only helps to explain what is seen anyway.
    named = ", ".join(f"{name} (for up to {seconds} s)" for name, seconds in hooks.items()) or "a lifecycle hook"
    return Obstacle(
        what=f"{', '.join(group.held)} in Pending:Wait, held by {named}: whoever set it has to let it go",
        do="\n".join(
            f"aws autoscaling complete-lifecycle-action --auto-scaling-group-name {group.name} --lifecycle-hook-name "
            f"{name} --instance-id {server} --lifecycle-action-result CONTINUE"
            for name in hooks or ["HOOK"]
            for server in group.held
        ),
    )
