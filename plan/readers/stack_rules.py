"""The rules on a stack's load balancer: which of the stack's own act, and where each is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.listener_rules import share


@dataclass(frozen=True)
class StackRule:
    """A rule on the load balancer. `kind`: what the stack's own is (production, preview, redirect); else empty.

    `shares`: percent of its requests by target group (ARN), without those that get none.
    """

    arn: str
    listener: str
    priority: int
    kind: str = ""
    shares: Mapping[str, int] = field(default_factory=dict, hash=False)


def stack_rules(found: Iterable[Mapping[str, Any]], stack: str) -> tuple[StackRule, ...]:
    """Of AWS's descriptions, each with its `listener` and `tags`."""
    return tuple(
        StackRule(rule["RuleArn"], rule["listener"], int(rule["Priority"]), _kind(rule, stack), _shares(rule))
        for rule in found
    )


def acting_rules(found: Iterable[Mapping[str, Any]], stack: str, main: str) -> dict[str, Any]:
    """The stack's rules (SERVICE/STACK) by what their tag says they are.

    Of several of a kind it is the one on the listener `main` (ARN), and there the first that AWS tries.
    """
    mine = sorted(
        (rule for rule in found if _kind(rule, stack)),
        key=lambda rule: (rule["listener"] == main, -int(rule["Priority"])),
    )
    return {_kind(rule, stack): rule for rule in mine}


def weights_of(rule: Mapping[str, Any]) -> dict[str, int]:
    """Target group (ARN) -> weight; empty for no rule, and for one that forwards to none."""
    actions = rule.get("Actions") or [{}]
    targets = actions[-1].get("ForwardConfig", {}).get("TargetGroups", [])
    return {target["TargetGroupArn"]: int(target.get("Weight", 1)) for target in targets}


def _kind(rule: Mapping[str, Any], stack: str) -> str:
    tags = rule["tags"]
    return str(tags.get("phoenix:rule", "")) if tags.get("phoenix:stack") == stack else ""


def _shares(rule: Mapping[str, Any]) -> dict[str, int]:
    """AWS leaves the weight of a single target group out."""
    weights = weights_of(rule)
    total = sum(weights.values())
    return {arn: share(weight, total) for arn, weight in weights.items() if weight}
