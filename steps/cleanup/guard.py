"""Refuses to let the production rule go while users reach servers through it: only `pulumi destroy` may delete it.

Runs before the rule is deleted, whatever else an update deletes: without the rule no group has production any more, and
each would be let go.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from core import engine_call, listener_rules, reachability
from core.aws import error_code
from core.engine_call import Call
from core.errors import StepError
from core.listener_rules import Rule
from steps.cleanup import old_images
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    rule: str = option("ARN of the production rule", parse=parsers.arn)


def guard(options: Options, context: Context) -> dict[str, object]:
    try:
        weights = listener_rules.read_rule(context.aws, options.rule).weights
    except ClientError as error:
        if error_code(error) != "RuleNotFound":
            raise
        return {"rule": options.rule}
    balancer = reachability.balancer_of(reachability.listener_of(options.rule))
    call = engine_call.read_engine_call()
    beside = [rule for rule in reachability.rules_of(context.aws, balancer) if rule.arn != options.rule]
    refused = refusal(options, weights, beside=beside, call=call)
    if refused:
        raise refused
    if call and call.operation == "destroy":
        _tell_images(options, context)
    return {"rule": options.rule}


def _tell_images(options: Options, context: Context) -> None:
    """What a destroy leaves: no resource of Pulumi's is an image. That it can't be told stops nothing."""
    service, _, stack = options.stack.partition("/")
    try:
        left = len(old_images.find(context.aws.ec2, service=service, stack=options.stack))
    except (ClientError, BotoCoreError):
        return
    if left:
        context.progress.line(
            f"{left} image{'s' if left > 1 else ''} of {options.stack}, with snapshots and lists of packages, will stay"
            f" and cost storage; see and delete them afterwards: make delete-images STACK={stack}"
        )


def refusal(
    options: Options, weights: Mapping[str, int], *, beside: Iterable[Rule], call: Call | None
) -> StepError | None:
    """Why the rule must stay. `beside`: the other rules of its load balancer. Pure.

    It may go when another production rule of the stack sends users the same way: it has moved to another listener.
    """
    served = {arn: weight for arn, weight in weights.items() if weight}
    moved = any(
        rule.tags.get("phoenix:rule") == "production"
        and rule.tags.get("phoenix:stack") == options.stack
        and listener_rules.equal_shares(rule.weights, weights)
        for rule in beside
    )
    if not served or moved or (call and call.operation == "destroy"):
        return None
    doing = f"pulumi {call.operation}" if call else "no pulumi that is known"
    return StepError(
        "PHX-804",
        f"the production rule of {options.stack} was not deleted: users reach {len(served)} group(s) by it",
        why=f"only `pulumi destroy` may delete it, and this is {doing}. The program does not declare {options.stack}"
        " any more: its service, stack or listener has another name, or was taken out",
        do="undo that change and run `pulumi up`\n"
        "to end the service on purpose: pulumi destroy   (of one service among several: --target, --target-dependents)",
    )


if __name__ == "__main__":
    sys.exit(command.run_step("guard", __doc__, Options, guard))
