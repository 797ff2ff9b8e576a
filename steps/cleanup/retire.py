"""Refuses to let a group die while users reach it, by any rule of any listener. Runs before the group is deleted.

A production rule that still names the group, with weight 0, forgets it: AWS does not delete a target group that a rule
names. So it is after an update that was killed when it had moved production and not yet written that down.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from core import listener_rules, obstacles, reachability, server_groups
from core.errors import StepError
from steps.cleanup import drift_report
from steps.runtime import command, options
from steps.runtime.command import Context
from steps.runtime.options import option


@dataclass(frozen=True, kw_only=True)
class Given(options.Common):
    color: str = option("blue or green", parse=options.color)
    group: str = option("name of the auto-scaling group", parse=options.named)
    target_group: str = option("ARN of the group's target group", parse=options.arn)
    listener: str = option("ARN of the listener", parse=options.arn)


def retire(given: Given, context: Context) -> dict[str, object]:
    found = reachability.ways(context.aws, given.target_group)
    refused = reachability.live(
        found, stack=given.stack, color=given.color, group=given.group, target_group=given.target_group
    )
    if refused:
        raise refused
    # On whatever listener: production may have passed to another one since the group was made.
    for rule in (way.rule for way in found):
        left = {arn: weight for arn, weight in rule.weights.items() if arn != given.target_group}
        if left and listener_rules.production([rule], given.stack):
            listener_rules.set_weights(context.aws, rule.arn, left)
    refuse_stuck(context, given)
    context.progress.line(f"{given.group} ({given.color}) gets no production traffic: it may go")
    drift_report.tell(context, group=given.group, target_group=given.target_group)
    return {"retired": given.group}


def refuse_stuck(context: Context, given: Given) -> None:
    """Raises StepError for a group whose servers would not end: the engine waits for that without a word."""
    barred = [
        obstacle
        for one in server_groups.groups(context.aws, given.stack)
        if one.name == given.group
        for obstacle in one.barred(obstacles.SHRINK)
    ]
    if barred:
        what, do = obstacles.told(tuple(barred))
        raise StepError(
            f"{given.group} ({given.color}) gets no production traffic, and can't be deleted",
            what,
            f"{do}\nthen run `pulumi up` again",
        )


if __name__ == "__main__":
    sys.exit(command.main("retire", __doc__, Given, retire))
