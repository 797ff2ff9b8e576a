"""Refuses to let a group die while production traffic goes to it. Runs before the group is deleted.

A production rule that still names the group, with weight 0, forgets it: AWS does not delete a target group that a rule
names. So it is after an update that was killed when it had moved production and not yet written that down.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from steps import autopsy, common, options, rules
from steps.common import Context
from steps.errors import StepError
from steps.options import option
from steps.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Given(options.Common):
    color: str = option("blue or green", parse=options.color)
    group: str = option("name of the auto-scaling group", parse=options.named)
    target_group: str = option("ARN of the group's target group", parse=options.arn)
    listener: str = option("ARN of the listener", parse=options.arn)


def retire(given: Given, context: Context) -> dict[str, object]:
    # A listener that is gone has no rules: nothing can reach the group any more.
    found = rules.read(context.aws, given.listener)
    refused = refusal(found, color=given.color, group=given.group, target_group=given.target_group)
    if refused:
        raise refused
    production = rules.production(found, given.stack)
    named = production.weights if production else {}
    left = {arn: weight for arn, weight in named.items() if arn != given.target_group}
    if production and left and left != named:
        rules.set_weights(context.aws, production.arn, left)
    context.progress.line(f"{given.group} ({given.color}) gets no production traffic: it may go")
    autopsy.tell(context, group=given.group, target_group=given.target_group)
    return {"retired": given.group}


def refusal(found: Iterable[Rule], *, color: str, group: str, target_group: str) -> StepError | None:
    """Why the group must live on: a rule other than the preview rule sends traffic to it."""
    for rule in found:
        share = rule.shares().get(target_group, 0)
        if rule.weights.get(target_group) and rule.tags.get("phoenix:rule") != "preview":
            other = "green" if color == "blue" else "blue"
            return StepError(
                f"{group} ({color}) is live and was not deleted: it gets {share} % of a rule's traffic",
                f"rule {rule.arn} (priority {rule.priority}) gives its target group weight "
                f"{rule.weights[target_group]}",
                f"to keep {color}: pulumi config set active {color} && pulumi up\n"
                f"to let it go: pulumi config set active {other} && pulumi up, which moves the traffic first",
            )
    return None


if __name__ == "__main__":
    sys.exit(common.main("retire", __doc__, Given, retire))
