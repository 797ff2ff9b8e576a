"""What becomes of a listener's rules when a stack takes production over on it, with `takeOverTargetGroup`. Pure.

The stack's own production rule is made before the rules that lead users to the old servers, with their target group in
it, so that nothing changes for anybody; promote then moves its weights like those of any flip. The rules of before stay
as they are: without the production rule they serve again.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from plan.readers.old_target_group import ForeignRule, OldTargetGroup


@dataclass(frozen=True, kw_only=True)
class RuleFates:
    """What becomes of the rules that answer requests for the host name now.

    `taken`: their requests go the production rule's way. `before`: they come first, and lead to the old servers.
    `kept`: so do these, and somebody logs in there first. `hidden`: the production rule would be before them, and they
    do something else. `rest`: the default action answers what none of them does, and would not any more.
    """

    taken: tuple[ForeignRule, ...] = ()
    before: tuple[ForeignRule, ...] = ()
    kept: tuple[ForeignRule, ...] = ()
    hidden: tuple[ForeignRule, ...] = ()
    rest: ForeignRule | None = None


def rule_fates(old: OldTargetGroup, *, hostname: str, priority: int) -> RuleFates:
    """Of the listener's rules, in the order in which AWS tries them. `priority`: of the production rule."""
    found: dict[str, list[ForeignRule]] = {"taken": [], "before": [], "kept": [], "hidden": []}
    rest = None
    for rule in (one for one in old.rules if _is_for(one, hostname)):
        leads = old.arn in rule.weights
        if rule.priority is not None and rule.priority < priority:
            if leads:
                found["kept" if _logs_in(rule) else "before"].append(rule)
        elif leads and rule.does == ("forward",) and len(rule.weights) == 1:
            found["taken"].append(rule)
        elif rule.priority is None and rule.does == ("fixed-response",):
            rest = rule
        else:
            found["hidden"].append(rule)
        if not (rule.paths or rule.asks_more):
            break  # No request for this host gets behind it.
    return RuleFates(**{kind: tuple(rules) for kind, rules in found.items()}, rest=rest)


def _is_for(rule: ForeignRule, hostname: str) -> bool:
    return not rule.hosts or any(fnmatch.fnmatchcase(hostname, pattern.lower()) for pattern in rule.hosts)


def _logs_in(rule: ForeignRule) -> bool:
    return any(action.startswith(("authenticate-", "jwt-")) for action in rule.does)


def describe_rule(rule: ForeignRule) -> str:
    """A rule for a reader: `rule 30 (shop.example.com /api/*)`."""
    if rule.priority is None:
        return "the default action"
    asks = [*rule.hosts, *rule.paths, *(["and more"] if rule.asks_more else [])]
    return f"rule {rule.priority} ({' '.join(asks)})"


def describe_actions(rule: ForeignRule, old: OldTargetGroup) -> str:
    """What a rule does, for a reader."""
    if old.arn in rule.weights and len(rule.weights) > 1:
        return "it leads to other target groups too"
    if rule.does == ("forward",):
        return "it leads to another target group"
    return ", ".join(rule.does)


def describe_rules(rules: Sequence[ForeignRule]) -> str:
    """Rules for a reader."""
    return ", ".join(map(describe_rule, rules))
