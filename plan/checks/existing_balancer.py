"""Whether a stack fits on a load balancer that it shares with others: its rules beside theirs, and AWS's quotas."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from core.errors import Problem, problem
from plan import estimates
from plan.checks import take_over
from plan.config.settings import Settings
from plan.readers.existing_balancer import GROUPS, REGION, RULES, TARGETS, ExistingBalancer, OtherRule
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan

HIGHEST = 50000  # of a rule's priorities


def problems(s: Settings, plan: RolloutPlan, live: LiveState, shared: ExistingBalancer) -> Iterator[Problem]:
    """Why this stack's rules, target groups or servers do not fit on a shared load balancer."""
    if shared.listener and shared.vpc_id != s.vpc_id:
        yield problem(
            "PHX-342",
            "listenerArn",
            s.listener_arn,
            f"must be of a load balancer in vpcId ({s.vpc_id}; it is in {shared.vpc_id})",
            f"pulumi config set vpcId {shared.vpc_id}",
        )
    mine = [rule for rule in shared.rules if rule.owner == s.identity]
    others = [
        rule
        for rule in shared.rules
        if rule.owner != s.identity and (rule.listener == shared.listener if shared.listener else not rule.redirects)
    ]
    if not s.hostname:
        yield problem(
            "PHX-343",
            "hostname",
            "",
            "must be set: it tells this service's requests from others'",
            "pulumi config set hostname shop.example.com",
        )
    yield from _priorities(s, others)
    if shared.old:
        yield from take_over.problems(s, live, shared.old)
    born = plan.existing is None
    asked = (
        (RULES, "rules", len(shared.rules), max(0, 2 - len(mine)), "default ones not counted"),
        (GROUPS, "target groups", shared.target_groups, int(born), "those that its rules name"),
        (
            TARGETS,
            "registered servers",
            shared.targets or 0,
            estimates.added_servers(s, plan, live),
            "in all its groups",
        ),
    )
    key, value = ("listenerArn", s.listener_arn) if shared.listener else ("service", s.service)
    for limit, what, used, more, counted in asked:
        if more and used + more > shared.limits[limit]:
            yield problem(
                "PHX-347",
                key,
                value,
                f"must be on a load balancer with room for {more} more {what}: it has {used} ({counted})"
                f" of at most {shared.limits[limit]}",
                f"end services that nobody needs, ask AWS for more (Service"
                f" Quotas, elasticloadbalancing, {limit}), or take another load balancer",
            )
    if born and shared.region_target_groups + 1 > shared.limits[REGION]:
        yield problem(
            "PHX-348",
            "aws:region",
            s.region,
            f"must have room for one more target group: there are"
            f" {shared.region_target_groups} of at most {shared.limits[REGION]}",
            "aws elbv2 describe-target-groups, and delete what no rule names; or ask AWS for more (Service Quotas,"
            f" elasticloadbalancing, {REGION})",
        )


def _priorities(s: Settings, others: list[OtherRule]) -> Iterator[Problem]:
    taken = {rule.priority: rule for rule in others}
    free = next((one for one in range(10, HIGHEST, 10) if not taken.keys() & {one, one + 1}), HIGHEST - 1)
    if not s.rule_priority:
        yield problem(
            "PHX-344",
            "rulePriority",
            0,
            "must be set: of a listener with other services' rules, each has its own two",
            f"pulumi config set rulePriority {free}",
        )
        return
    for priority in (s.rule_priority, s.rule_priority + 1):
        if priority in taken:
            yield problem(
                "PHX-345",
                "rulePriority",
                s.rule_priority,
                f"must be free, and the number after it too: {priority} is taken by"
                f" {taken[priority].owner or 'a rule that is no stack of ours'}",
                f"pulumi config set rulePriority {free}",
            )
    for rule in others:
        if rule.priority < s.rule_priority + 1 and any(
            fnmatch.fnmatchcase(s.hostname, pattern.lower()) for pattern in rule.hosts
        ):
            yield problem(
                "PHX-346",
                "rulePriority",
                s.rule_priority,
                f"must be below {rule.priority}: that rule"
                f" ({rule.owner or 'no stack of ours'}) takes every request for {s.hostname}",
                f"pulumi config set rulePriority A-NUMBER-BELOW-{rule.priority}, or another hostname",
            )
