"""Whether production can be taken over from a target group that somebody else made. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem, problem
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.readers.old_target_group import OldTargetGroup
from plan.rule_fates import RuleFates, describe_actions, describe_rule, describe_rules, rule_fates

KEY = "takeOverTargetGroup"
WITHOUT = f"pulumi config rm {KEY}"


def problems(s: Settings, live: LiveState, old: OldTargetGroup) -> Iterator[Problem]:
    """Why production can't be taken over; nothing once the production rule is there: its weights say how far it is."""
    if "production" in live.rules:
        return
    if not old.name:
        yield problem(
            "PHX-369",
            KEY,
            old.arn,
            "must be a target group that is there; AWS knows none such",
            f"aws elbv2 describe-target-groups --region {s.region}, and pulumi config set {KEY} ITS-ARN",
        )
        return
    if old.owner == s.identity:
        yield problem("PHX-370", KEY, old.arn, "must be somebody else's: this one is the stack's own", WITHOUT)
        return
    yield from _unfit(s, old)
    yield from _rule_problems(s, old)


def _unfit(s: Settings, old: OldTargetGroup) -> Iterator[Problem]:
    """What a target group is that can't share a rule with the stack's, or be compared with it."""
    if old.target_type not in ("instance", "ip") or old.protocol_version != "HTTP1":
        yield problem(
            "PHX-371",
            KEY,
            old.arn,
            "must be of servers that speak HTTP/1.1, as the stack's do: type instance or ip, protocol version HTTP1"
            f" (it is {old.target_type}, {old.protocol_version})",
            f"make one that is and lead the listener's rules there first, or {WITHOUT}",
        )
    if old.sticky:
        yield problem(
            "PHX-372",
            KEY,
            old.arn,
            "must not hold users on a server by a cookie (stickiness.enabled): AWS lets it share a rule with another"
            " target group only while users stay with one of the two, and no share of them could be moved",
            f"aws elbv2 modify-target-group-attributes --region {s.region} --target-group-arn {old.arn} --attributes"
            " Key=stickiness.enabled,Value=false   (sessions that only one server knows end with that)",
        )


def _rule_problems(s: Settings, old: OldTargetGroup) -> Iterator[Problem]:
    """Why one production rule can't take the old rules' place, with what they do else as it was."""
    fates = rule_fates(old, hostname=s.hostname, priority=s.rule_priority + 1)
    if not (fates.taken or fates.before):
        leading = ", ".join(describe_rule(rule) for rule in old.rules if old.arn in rule.weights)
        yield problem(
            "PHX-373",
            KEY,
            old.arn,
            f"must be where the listener leads requests for {s.hostname} (hostname) now: "
            + (f"only {leading} lead there" if leading else "no rule of it leads there"),
            f"aws elbv2 describe-rules --region {s.region} --listener-arn {s.listener_arn}",
        )
    if fates.before:
        first = min(rule.priority or 0 for rule in fates.before)
        yield problem(
            "PHX-374",
            "rulePriority",
            s.rule_priority,
            f"must be below {first - 1}: requests for {s.hostname} go to {old.name} by"
            f" {describe_rules(fates.before)} before the stack's rules are tried, and would stay there",
            f"pulumi config set rulePriority A-NUMBER-BELOW-{first - 1}",
        )
    if fates.hidden:
        yield problem(
            "PHX-375",
            "rulePriority",
            s.rule_priority,
            f"must leave the rules before it that do something else with requests for {s.hostname}, and would be"
            f" hidden: {'; '.join(f'{describe_rule(rule)}: {describe_actions(rule, old)}' for rule in fates.hidden)}",
            _order(s, fates),
        )


def _order(s: Settings, fates: RuleFates) -> str:
    """How the hidden rules come before the stack's."""
    numbered = [rule for rule in fates.hidden if rule.priority]
    if len(numbered) < len(fates.hidden):
        return "aws elbv2 modify-listener: a default action that leads to that target group alone; or another hostname"
    last = max(rule.priority or 0 for rule in numbered)
    if all((rule.priority or last + 1) > last for rule in fates.taken):
        return f"pulumi config set rulePriority A-NUMBER-ABOVE-{last}"
    moved = " ".join(f"RuleArn={rule.arn},Priority=NUMBER" for rule in numbered)
    return (
        f"aws elbv2 set-rule-priorities --region {s.region} --rule-priorities {moved}   (before every rule that is to"
        " be taken over, where that changes nothing; then a rulePriority between them)"
    )
