"""Refuses to let a group die while users reach it, by any rule of any listener. Runs before the group is deleted.

A production rule that still names the group, with weight 0, forgets it: AWS does not delete a target group that a rule
names. So it is after an update that was killed when it had moved production and not yet written that down.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from core import listener_rules, obstacles, reachability, server_groups
from core.errors import StepError
from core.server_groups import Group
from steps.cleanup import drift_report
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    color: str = option("blue or green", parse=parsers.color)
    group: str = option("name of the auto-scaling group", parse=parsers.non_empty)
    target_group: str = option("ARN of the group's target group", parse=parsers.arn)
    listener: str = option("ARN of the listener", parse=parsers.arn)


def retire(options: Options, context: Context) -> dict[str, object]:
    found = reachability.routes_to(context.aws, options.target_group)
    refused = reachability.live_routes(
        found, stack=options.stack, color=options.color, group=options.group, target_group=options.target_group
    )
    if refused:
        raise refused
    # On whatever listener: production may have passed to another one since the group was made.
    for rule in (way.rule for way in found):
        left = {arn: weight for arn, weight in rule.weights.items() if arn != options.target_group}
        if left and listener_rules.production_rule([rule], options.stack):
            listener_rules.set_weights(context.aws, rule.arn, left)
    group = _group(context, options)
    if group:
        refuse_stuck(options, group)
        server_groups.let_go(context.aws, group)
    context.progress.line(
        f"{options.group} ({options.color}) gets no production traffic: it may go{_held(context, options)}"
    )
    drift_report.report_drift(context, group=options.group, target_group=options.target_group)
    return {"retired": options.group}


def _held(context: Context, options: Options) -> str:
    """What its servers wait for before they end, and how long at most: the engine waits for that without a word."""
    try:
        asked = context.aws.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=options.group)
    except (ClientError, BotoCoreError):
        return ""  # It only explains a wait.
    held = [
        f"{one['LifecycleHookName']} holds each of its servers for up to {one.get('HeartbeatTimeout', 3600)} s"
        for one in asked["LifecycleHooks"]
        if one.get("LifecycleTransition") == TERMINATING
    ]
    return f"; the lifecycle hook {', and '.join(held)}" if held else ""


def _group(context: Context, options: Options) -> Group | None:
    """The one that is to go; None when it has gone."""
    found = server_groups.read_groups(context.aws, options.stack)
    return next((one for one in found if one.name == options.group), None)


def refuse_stuck(options: Options, group: Group) -> None:
    """Raises StepError for a group whose servers would not end: the engine waits for that without a word."""
    if barred := group.barred(obstacles.SHRINK):
        what, do = obstacles.describe_obstacles(barred)
        raise StepError(
            "PHX-802",
            f"{options.group} ({options.color}) gets no production traffic, and can't be deleted",
            why=what,
            do=f"{do}\nthen run `pulumi up` again",
        )


if __name__ == "__main__":
    sys.exit(command.run_step("retire", __doc__, Options, retire))
