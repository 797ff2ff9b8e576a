"""Refuses to let the production rule go while users reach servers through it: only `pulumi destroy` may delete it.

Runs before the rule is deleted, whatever else an update deletes: without the rule no group has production any more, and
each would be let go.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from core import engine_call, listener_rules, reachability
from core.aws import code
from core.engine_call import Call
from core.errors import StepError
from core.listener_rules import Rule
from steps.runtime import command, options
from steps.runtime.command import Context
from steps.runtime.options import option


@dataclass(frozen=True, kw_only=True)
class Given(options.Common):
    rule: str = option("ARN of the production rule", parse=options.arn)


def guard(given: Given, context: Context) -> dict[str, object]:
    try:
        weights = listener_rules.read_one(context.aws, given.rule).weights
    except ClientError as error:
        if code(error) != "RuleNotFound":
            raise
        return {"rule": given.rule}
    balancer = reachability.balancer_of(reachability.listener_of(given.rule))
    beside = [rule for rule in reachability.rules_of(context.aws, balancer) if rule.arn != given.rule]
    refused = refusal(given, weights, beside=beside, call=engine_call.read())
    if refused:
        raise refused
    return {"rule": given.rule}


def refusal(given: Given, weights: Mapping[str, int], *, beside: Iterable[Rule], call: Call | None) -> StepError | None:
    """Why the rule must stay. `beside`: the other rules of its load balancer. Pure.

    It may go when another production rule of the stack sends users the same way: it has moved to another listener.
    """
    served = {arn: weight for arn, weight in weights.items() if weight}
    moved = any(
        rule.tags.get("phoenix:rule") == "production"
        and rule.tags.get("phoenix:stack") == given.stack
        and listener_rules.same(rule.weights, weights)
        for rule in beside
    )
    if not served or moved or (call and call.operation == "destroy"):
        return None
    doing = f"pulumi {call.operation}" if call else "no pulumi that is known"
    return StepError(
        f"the production rule of {given.stack} was not deleted: users reach {len(served)} group(s) by it",
        f"only `pulumi destroy` may delete it, and this is {doing}. The program does not declare {given.stack} any"
        " more: its service, stack or listener has another name, or was taken out",
        "undo that change and run `pulumi up`\n"
        "to end the service on purpose: pulumi destroy   (of one service among several: --target, --target-dependents)",
    )


if __name__ == "__main__":
    sys.exit(command.main("guard", __doc__, Given, guard))
