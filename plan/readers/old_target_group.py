"""The target group that production is taken over from, and the rules of the listener that lead users to it.

It is somebody else's, with its servers and whatever launched them: read here, and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core import listener_rules
from core.reachability import balancer_of
from core.tags import ignore_not_found
from plan.readers.load_balancers import read_target_groups, rules_of, rules_on, tags_of, target_health
from plan.readers.reads import Reads

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient

# Patterns that every host, or every path, matches.
ANY = frozenset({"*", "/*"})
# A condition of a rule, and where AWS has its values.
VALUES = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}


@dataclass(frozen=True, kw_only=True)
class ForeignRule:
    """A rule of the listener that is none of the stack's. `priority`: None is the default action's.

    `hosts`, `paths`: patterns, empty for any; `asks_more`: it looks at something else of a request too. `does`: its
    rewrites and actions by type; `weights`: target group (ARN) -> weight, without those of 0.
    """

    arn: str
    priority: int | None
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    asks_more: bool = False
    does: tuple[str, ...] = ("forward",)
    weights: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class OldTargetGroup:
    """The target group of `takeOverTargetGroup`. `name` is empty when there is none such.

    `owner`: SERVICE/STACK of its tag. `sticky`: it holds users on a server by a cookie. `targets`: ids of those that
    are registered, `healthy` of them answer. `scaling_group`: whose servers they are, if anybody's. `rules`: of the
    listener, in the order in which AWS tries them.
    """

    arn: str
    name: str = ""
    target_type: str = "instance"
    protocol: str = "HTTP"
    protocol_version: str = "HTTP1"
    owner: str = ""
    sticky: bool = False
    targets: tuple[str, ...] = ()
    healthy: int = 0
    scaling_group: str = ""
    rules: tuple[ForeignRule, ...] = ()


def read_old_target_group(reads: Reads, arn: str, *, stack: str, listener: str) -> OldTargetGroup:
    """The target group `arn`, and the rules on `listener` (ARN) that are not of `stack` (SERVICE/STACK)."""
    said = next((one for one in reads.ask(read_target_groups) if one["TargetGroupArn"] == arn), None)
    with ignore_not_found():
        if said:
            return _known(reads, said, stack=stack, listener=listener)
    return OldTargetGroup(arn=arn)


def _known(reads: Reads, said: Any, *, stack: str, listener: str) -> OldTargetGroup:
    arn = said["TargetGroupArn"]
    attributes = reads.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    targets = reads.ask(target_health, arn)
    return OldTargetGroup(
        arn=arn,
        name=said["TargetGroupName"],
        target_type=said["TargetType"],
        protocol=said.get("Protocol", ""),
        protocol_version=said.get("ProtocolVersion", "HTTP1"),
        owner=tags_of(reads, [arn]).get(arn, {}).get("phoenix:stack", ""),
        sticky={"Key": "stickiness.enabled", "Value": "true"} in attributes,
        targets=tuple(dict.fromkeys(one["Target"]["Id"] for one in targets)),
        healthy=sum(one["TargetHealth"]["State"] == "healthy" for one in targets),
        scaling_group=_scaling_group(reads.client("autoscaling"), arn),
        rules=_foreign_rules(reads, listener, stack),
    )


def _scaling_group(scaling: AutoScalingClient, arn: str) -> str:
    """EC2 Auto Scaling has no filter for this."""
    pages = scaling.get_paginator("describe_auto_scaling_groups").paginate()
    found = (one for page in pages for one in page["AutoScalingGroups"])
    return next((one["AutoScalingGroupName"] for one in found if arn in one.get("TargetGroupARNs", [])), "")


def _foreign_rules(reads: Reads, listener: str, stack: str) -> tuple[ForeignRule, ...]:
    tagged = reads.ask(rules_of, balancer_of(listener))
    ours = {rule["RuleArn"] for rule in tagged if rule["tags"].get("phoenix:stack") == stack}
    theirs = [rule for rule in reads.ask(rules_on, listener) if rule["RuleArn"] not in ours]
    return tuple(sorted(map(_foreign_rule, theirs), key=lambda rule: rule.priority or float("inf")))


def _foreign_rule(rule: Any) -> ForeignRule:
    conditions = rule["Conditions"]
    return ForeignRule(
        arn=rule["RuleArn"],
        priority=None if rule["IsDefault"] else int(rule["Priority"]),
        hosts=_values(conditions, "host-header"),
        paths=_values(conditions, "path-pattern"),
        # What a regular expression matches is not known here.
        asks_more=any(one["Field"] not in VALUES or _expressions(one) for one in conditions),
        does=(*(one["Type"] for one in rule.get("Transforms", [])), *(one["Type"] for one in rule["Actions"])),
        weights={arn: weight for arn, weight in listener_rules.weights_of(rule["Actions"]).items() if weight},
    )


def _expressions(condition: Any) -> list[str]:
    found: list[str] = condition.get(VALUES[condition["Field"]], condition).get("RegexValues", [])
    return found


def _values(conditions: Iterable[Any], name: str) -> tuple[str, ...]:
    config = VALUES[name]
    found = [value for one in conditions if one["Field"] == name for value in one.get(config, one).get("Values", [])]
    return () if ANY & set(found) else tuple(found)
