"""What the plan, and the last line of an update, say of production that is taken over from others' servers. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from core.listener_rules import equal_shares
from plan.checks.take_over import KEY, WITHOUT
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.readers.old_target_group import OldTargetGroup
from plan.readers.stack_state import Resource
from plan.rollout_plan import RolloutPlan
from plan.rule_fates import describe_rule, describe_rules, rule_fates


def rows(s: Settings, plan: RolloutPlan, live: LiveState, old: OldTargetGroup) -> Iterator[tuple[str, str]]:
    """What the plan says of it."""
    if "production" not in live.rules:
        fates = rule_fates(old, hostname=s.hostname, priority=s.rule_priority + 1)
        own = s.rule_priority + 1
        yield (
            "takes over",
            f"{old.name} ({old.healthy} of {len(old.targets)} servers healthy): rule {own} takes the requests for"
            f" {s.hostname} of {describe_rules(fates.taken)}, which stay as they are behind it",
        )
        if fates.kept:
            yield (
                "note",
                f"{describe_rules(fates.kept)} authenticate users before rule {own}, and lead to {old.name} still",
            )
        if fates.rest:
            yield "note", f"what no rule takes of {s.hostname} now, and the listener answers itself, goes there too"
        if old.healthy > s.min_size:
            yield "note", f"{old.healthy} servers have production now, and minSize launches {s.min_size}"
    if left := left_by_hand(s, plan, live, old):
        yield from (("left", line) for line in left)


def state_rows(plan: RolloutPlan, live: LiveState, rule: Resource | None) -> Iterator[tuple[str, str]]:
    """Of an update that finds the production `rule` in the state as it was made, before promote moved its weights."""
    if rule is None or live.taken_over is None or not plan.is_up_to_date:
        return
    actions = rule.outputs.get("actions") or [{}]
    named = (actions[0].get("forward") or {}).get("targetGroups", [])
    recorded = {one["arn"]: int(one["weight"]) for one in named}
    if not equal_shares(recorded, {group.target_group: group.weight for group in live.groups}):
        yield "note", "the state gets the weights that promote has set: the production rule is written, AWS has it so"


def is_over(plan: RolloutPlan, live: LiveState, old: OldTargetGroup) -> bool:
    """Whether the old target group has no production when this update ends."""
    group = live.taken_over
    return bool(old.name) and not (group and plan.weights.get(group.color))


def left_by_hand(s: Settings, plan: RolloutPlan, live: LiveState, old: OldTargetGroup) -> list[str]:
    """What is left of the old world once production has left it, with the commands; none before that."""
    if not is_over(plan, live, old):
        gone = not old.name and "production" in live.rules
        return [f"nothing of {old.arn}: AWS does not know it any more ({WITHOUT})"] if gone else []
    stays = live.taken_over and live.taken_over.color in plan.weights
    return [
        f"nothing of the old servers is deleted. While {KEY} is set, `pulumi config set traffic 0 && pulumi up` goes"
        f" back to them; when nobody will: {WITHOUT} && pulumi up, then"
        if stays
        else f"{KEY} does nothing any more ({WITHOUT}). Of the old servers nothing is deleted; when nobody needs them:",
        *_commands(s, old),
    ]


def _commands(s: Settings, old: OldTargetGroup) -> Iterator[str]:
    """In an order that AWS accepts."""
    aws = f"--region {s.region}"
    for rule in (one for one in old.rules if old.arn in one.weights):
        others = [host for host in rule.hosts if host.lower() != s.hostname] if rule.hosts else ["any host"]
        if others or len(rule.weights) > 1:
            yield f"by hand: {describe_rule(rule)} serves {', '.join(others) or 'others'} too, and leads to {old.name}"
        else:
            yield f"aws elbv2 delete-rule {aws} --rule-arn {rule.arn}"
    if old.scaling_group:
        yield (
            f"with the tool that made it, or: aws autoscaling delete-auto-scaling-group {aws} --force-delete"
            f" --auto-scaling-group-name {shlex.quote(old.scaling_group)}"
        )
    elif old.targets and old.target_type == "instance":
        yield f"aws ec2 terminate-instances {aws} --instance-ids {' '.join(old.targets)}"
    yield f"aws elbv2 delete-target-group {aws} --target-group-arn {old.arn}"


def last_line(plan: RolloutPlan, live: LiveState, old: OldTargetGroup | None) -> str:
    """What the last line of an update adds; nothing while nothing is left."""
    if old is None or not is_over(plan, live, old):
        return ""
    rules = sum(old.arn in rule.weights for rule in old.rules)
    # Short: Pulumi shows 150 characters of an output, and the plan has the rest.
    return f"; left: {rules} rule{'' if rules == 1 else 's'}, {len(old.targets)} servers, {old.name}"
