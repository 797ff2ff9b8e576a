"""Through which rules users reach a target group: AWS is asked for every listener of the account, not for one's own.

A target group is used by one load balancer at a time, and DescribeTargetGroups names it (Elastic Load Balancing API
reference, TargetGroup: "You can use each target group with only one load balancer").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError

from core import listener_rules
from core.aws import Aws, error_code
from core.errors import StepError
from core.listener_rules import Rule

T = TypeVar("T")
GONE = frozenset({"TargetGroupNotFound", "LoadBalancerNotFound", "ListenerNotFound"})


@dataclass(frozen=True, kw_only=True)
class Route:
    """A rule that names a target group, and the load balancer (ARN) that has it."""

    balancer: str
    rule: Rule

    def weight(self, target_group: str) -> int:
        return self.rule.weights.get(target_group, 0)

    def is_preview(self, stack: str) -> bool:
        """Whether it is the rule for holders of the stack's token, who are no users."""
        return self.rule.tags.get("phoenix:rule") == "preview" and self.rule.tags.get("phoenix:stack") == stack


def routes_to(aws: Aws, target_group: str) -> tuple[Route, ...]:
    """Every rule and default action that names a target group, with whatever weight."""
    groups = _asked(lambda: aws.elbv2.describe_target_groups(TargetGroupArns=[target_group])["TargetGroups"])
    balancers = sorted({arn for group in groups for arn in group.get("LoadBalancerArns", [])})
    return tuple(
        Route(balancer=balancer, rule=rule)
        for balancer in balancers
        for rule in rules_of(aws, balancer)
        if target_group in rule.weights
    )


def live_routes(found: Iterable[Route], *, stack: str, color: str, group: str, target_group: str) -> StepError | None:
    """Why a group may not be deleted: users reach it by one of these ways."""
    way = next((way for way in found if way.weight(target_group) and not way.is_preview(stack)), None)
    if way is None:
        return None
    rule, other = way.rule, "green" if color == "blue" else "blue"
    return StepError(
        "PHX-801",
        f"{group} ({color}) is live and was not deleted: it gets {rule.shares()[target_group]} % of a rule's traffic",
        why=f"rule {rule.arn} (priority {rule.priority}) gives its target group weight {rule.weights[target_group]}",
        do=f"to keep {color}: pulumi config set active {color} && pulumi up\n"
        f"to let it go: pulumi config set active {other} && pulumi up, which moves the traffic first",
    )


def foreign_routes(found: Iterable[Route], *, stack: str, color: str, group: str, listener: str) -> StepError | None:
    """Why a group that nobody knows may not be deleted: a rule of another load balancer than `listener`'s names it.

    Whoever made that rule relies on the group, whatever weight it has: it is no leftover, but another state's.
    """
    way = next((way for way in found if way.balancer != balancer_of(listener)), None)
    if way is None:
        return None
    return StepError(
        "PHX-803",
        f"{group} ({color}) was not deleted: another state of {stack} uses it",
        why=f"rule {way.rule.arn} names its target group, and {listener} is the listener of this one",
        do="update the stack with the state that made that rule (`pulumi whoami -v` tells the backend of this one),\n"
        f"or, if nobody needs it: aws elbv2 delete-rule --rule-arn {way.rule.arn}",
    )


def balancer_of(listener: str) -> str:
    """The ARN of a listener's load balancer, which is a part of its own.

    Source: Service Authorization Reference, "Actions, resources, and condition keys for Elastic Load Balancing V2".
    """
    return listener.replace(":listener/", ":loadbalancer/").rpartition("/")[0]


def listener_of(rule: str) -> str:
    """The ARN of a rule's listener, in the same way."""
    return rule.replace(":listener-rule/", ":listener/").rpartition("/")[0]


def rules_of(aws: Aws, balancer: str) -> list[Rule]:
    """The rules of all listeners of a load balancer; none when it is gone."""
    pages = aws.elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer)
    listeners = _asked(lambda: [one["ListenerArn"] for page in pages for one in page["Listeners"]])
    return [rule for listener in listeners for rule in listener_rules.read_rules(aws, listener)]


def _asked(question: Callable[[], list[T]]) -> list[T]:
    """An answer of AWS about something that may be gone by now; nothing when it is."""
    try:
        return question()
    except ClientError as error:
        if error_code(error) in GONE:
            return []
        raise
