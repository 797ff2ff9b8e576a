"""The rules of a listener: where production traffic goes, and the door that only a token opens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core import tags
from core.aws import Aws, error_code
from core.errors import StepError
from core.names import PREVIEW_HEADER

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef, ActionTypeDef, RuleTypeDef

# How long a client stays with its group while a rule is sticky, counted from its last request; a canary that is held
# may take days. AWS allows a week (ELB API reference, TargetGroupStickinessConfig). It is set where nothing sticks too,
# as the provider does.
STICKINESS_SECONDS = 604800


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`weights`: target group ARN -> weight, as AWS says them. `headers`: header name -> the values it wants."""

    arn: str
    priority: str
    weights: Mapping[str, int]
    tags: Mapping[str, str]
    headers: Mapping[str, tuple[str, ...]]

    def shares(self) -> dict[str, int]:
        return shares(self.weights)


def shares(weights: Mapping[str, int]) -> dict[str, int]:
    """Weights as percentages (a rule with one target group may say weight 1 and mean all)."""
    total = sum(weights.values())
    return {arn: share(weight, total) for arn, weight in weights.items()}


def share(weight: int, total: int) -> int:
    """Percent of the traffic, of a weight of AWS's (0 to 999). 0 is no request at all, and 100 is every one."""
    if weight in (0, total):
        return 100 if weight else 0
    return min(99, max(1, round(100 * weight / total)))


def equal_shares(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether two sets of weights send traffic the same way."""
    return _traffic(one) == _traffic(other)


def _traffic(weights: Mapping[str, int]) -> dict[str, int]:
    return {arn: share for arn, share in shares(weights).items() if share}


def read_rules(aws: Aws, listener: str) -> tuple[Rule, ...]:
    """The rules of a listener in the order they apply, the default one last; none if there is no such listener."""
    found: list[RuleTypeDef] = []
    try:
        for page in aws.elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener):
            found += page["Rules"]
    except ClientError as error:
        if error_code(error) in {"ListenerNotFound", "LoadBalancerNotFound"}:
            return ()
        raise
    known = tags.read_tags(aws.elbv2, [rule["RuleArn"] for rule in found if not rule["IsDefault"]])
    # Without tags it is gone: others' rules come and go on a listener that they share.
    return tuple(
        _rule(rule, known.get(rule["RuleArn"], {})) for rule in found if rule["IsDefault"] or rule["RuleArn"] in known
    )


def read_rule(aws: Aws, arn: str) -> Rule:
    """One rule as it is now. Its tags are not read."""
    return _rule(aws.elbv2.describe_rules(RuleArns=[arn])["Rules"][0], {})


def _rule(rule: RuleTypeDef, tags: Mapping[str, str]) -> Rule:
    headers = {
        condition["HttpHeaderConfig"]["HttpHeaderName"]: tuple(condition["HttpHeaderConfig"]["Values"])
        for condition in rule["Conditions"]
        if condition.get("Field") == "http-header"
    }
    return Rule(
        arn=rule["RuleArn"],
        priority=rule["Priority"],
        weights=weights_of(rule["Actions"]),
        tags=tags,
        headers=headers,
    )


def weights_of(actions: Iterable[ActionOutputTypeDef]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for action in actions:
        named = action.get("ForwardConfig", {}).get("TargetGroups", [])
        for group in named:
            # A weight is left out where there is only one target group.
            weights[group["TargetGroupArn"]] = int(group.get("Weight", 1))
        if not named and "TargetGroupArn" in action:
            weights[action["TargetGroupArn"]] = 1
    return weights


def production_rule(rules: Iterable[Rule], stack: str) -> Rule | None:
    """The rule that production traffic follows; None before the first launch."""
    for rule in rules:
        if rule.tags.get("phoenix:stack") == stack and rule.tags.get("phoenix:rule") == "production":
            return rule
    return None


def weighted(found: Iterable[Rule]) -> frozenset[str]:
    """The target groups that any rule but the preview rule sends traffic to."""
    return frozenset(
        arn
        for rule in found
        if rule.tags.get("phoenix:rule") != "preview"
        for arn, weight in rule.weights.items()
        if weight
    )


def preview_token(rules: Iterable[Rule], *, preview: str, target_group: str) -> str:
    """The secret that opens the preview rule, once it is sure that the rule leads to `target_group`.

    Raises StepError: through another group's door nothing would be proven.
    """
    rule = next((rule for rule in rules if rule.arn == preview), None)
    if rule is None:
        raise StepError(
            "PHX-013",
            f"the preview rule {preview} is not there",
            do="run `pulumi refresh`, then `pulumi up`: that makes it again",
        )
    if not rule.shares().get(target_group):
        raise StepError(
            "PHX-014",
            f"the preview rule {preview} does not lead to {target_group}",
            why=f"it leads to {', '.join(rule.weights) or 'no target group'}",
            do="run `pulumi refresh`, then `pulumi up`: that puts it right",
        )
    for name, values in rule.headers.items():
        if name.lower() == PREVIEW_HEADER.lower() and values:
            return values[0]
    raise StepError("PHX-015", f"the preview rule {preview} has no condition on the header {PREVIEW_HEADER}")


def sticks(weights: Mapping[str, int], *, sticky: bool) -> bool:
    """Whether clients that keep cookies stay with the group that answers them: `sticky`, while several have a share.

    Not longer: a client stays with a group whose weight is 0, too.
    """
    return sticky and sum(share > 0 for share in weights.values()) > 1


def forward_action(weights: Mapping[str, int], *, sticky: bool = False) -> list[ActionTypeDef]:
    """The actions of a rule that splits traffic. Unless it `sticks`, a client follows the weights with every request.

    Each field as the provider sets it for the program: what it read back otherwise would be a change in the next
    update that has none (terraform-provider-aws, internal/service/elbv2/listener_rule.go).
    """
    return [
        {
            "Type": "forward",
            "Order": 1,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": arn, "Weight": share} for arn, share in weights.items()],
                "TargetGroupStickinessConfig": {
                    "Enabled": sticks(weights, sticky=sticky),
                    "DurationSeconds": STICKINESS_SECONDS,
                },
            },
        }
    ]


def set_weights(aws: Aws, rule: str, weights: Mapping[str, int], *, sticky: bool = False) -> None:
    """Splits the traffic of a rule, in one call with whether clients stay with a group.

    ModifyRule leaves what it is not given (the conditions) as it is.
    """
    aws.elbv2.modify_rule(RuleArn=rule, Actions=forward_action(weights, sticky=sticky))
