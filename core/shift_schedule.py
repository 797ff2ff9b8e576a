"""Which weights a production rule gets, one after another, and when it may go back. Pure.

Weights here are percentages: target group ARN -> share of the traffic.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core import listener_rules, timing

Weights = Mapping[str, int]

# A tag value of Elastic Load Balancing has at most 256 characters: target groups are written without their prefix.
_PREFIX = ":targetgroup/"


@dataclass(frozen=True, kw_only=True)
class ShiftSchedule:
    """From what is observed to what is wanted. `other`: the target group to share with, if there is one.

    `before` is what a failure goes back to. `steps` is empty when the traffic already is where it should be.
    """

    ours: str
    other: str | None
    observed: Weights
    before: Weights
    steps: tuple[Weights, ...]

    @property
    def last(self) -> Weights:
        return self.steps[-1] if self.steps else self.observed

    def gaining(self) -> frozenset[str]:
        """The target groups that end with more than they have."""
        return frozenset(arn for arn, share in self.last.items() if share > self.observed.get(arn, 0))


def plan_shift(
    *, ours: str, observed: Weights, before: Weights, traffic: int, canaries: Sequence[int]
) -> ShiftSchedule:
    """The way to `traffic` percent for `ours`."""
    others = {arn: share for arn, share in observed.items() if arn != ours}
    other = max(others, key=lambda arn: others[arn], default=None)
    now = observed.get(ours, 0)
    last = _split(ours, other, traffic)
    steps = () if listener_rules.equal_shares(observed, last) else (*_canaries(now, traffic, canaries), traffic)
    return ShiftSchedule(
        ours=ours,
        other=other,
        observed=observed,
        before=before,
        steps=tuple(_split(ours, other, share) for share in steps),
    )


def _canaries(now: int, wanted: int, canaries: Sequence[int]) -> list[int]:
    return sorted({share for share in canaries if now < share < wanted})


def _split(ours: str, other: str | None, share: int) -> dict[str, int]:
    # Alone, it gets everything: a weight of 0 without another target group would answer 503.
    return {ours: share, other: 100 - share} if other else {ours: 100}


def may_go_back(*, before: Weights, now: Weights, healthy: Mapping[str, int]) -> bool:
    """Whether traffic may go back: not to groups without a healthy server while the present ones have some.

    `healthy`: what was seen last; a target group that was not seen is no reason to stay.
    """
    gaining = [arn for arn, share in before.items() if share > now.get(arn, 0)]
    losing = [arn for arn, share in now.items() if share > before.get(arn, 0)]
    dead = bool(gaining) and all(healthy.get(arn) == 0 for arn in gaining)
    return not (dead and any(healthy.get(arn, 0) > 0 for arn in losing))


def watched_seconds(asked: int, *, metrics_too: bool) -> tuple[int, int]:
    """How long a pause takes at least and at most when all goes well. `asked`: by the settings; 0 asks for none.

    `metrics_too`: it ends when CloudWatch has shown a whole minute of it.
    """
    if not (asked and metrics_too):
        return asked, asked
    return max(asked, timing.SOONEST_METRICS_SECONDS), max(asked, timing.LATEST_METRICS_SECONDS)


def planned_seconds(
    *,
    steps: int,
    full: bool,
    canary_pause: int,
    settle: int,
    soak: int,
    drain: int,
    watched: bool,
    approvals: int = 0,
    hooks: int = 0,
    growing: int = 0,
) -> tuple[int, int]:
    """How long the way takes at least and at most when all goes well.

    `full`: it ends with all of the traffic. `watched`: CloudWatch's metrics are waited for. `approvals`: how long it
    may wait for people, `hooks`: for hooks. `growing`: the seconds that new servers may take before each step but the
    first.
    """
    if not steps:
        return 0, 0
    pauses = watched_seconds(canary_pause, metrics_too=watched)
    last = watched_seconds(soak, metrics_too=watched)
    if full:
        least, most = ((steps - 1) * pause + settle + max(end, drain) for pause, end in zip(pauses, last, strict=True))
    else:
        least, most = (steps * pause for pause in pauses)
    return least, most + approvals + hooks + (steps - 1) * growing


def named_weights(weights: Weights, names: Mapping[str, str]) -> dict[str, int]:
    """Weights by the names of target groups."""
    return {names.get(arn, short_name(arn)): share for arn, share in weights.items()}


def describe_weights(weights: Weights, names: Mapping[str, str]) -> str:
    """Weights for a reader: `green 10 %, blue 90 %`."""
    return ", ".join(f"{name} {share} %" for name, share in named_weights(weights, names).items())


def modify_rule_command(region: str, rule: str, weights: Weights, *, sticky: bool = False) -> str:
    """What a person types to set the weights of a rule."""
    actions = json.dumps(listener_rules.forward_action(weights, sticky=sticky), separators=(",", ":"))
    return f"aws elbv2 modify-rule --region {region} --rule-arn {rule} --actions {shlex.quote(actions)}"


@dataclass(frozen=True, kw_only=True)
class RollbackPoint:
    """What a promotion found when it began, kept as a tag of the rule while it is under way.

    The next one reads it if this one is killed with -9: what it finds then may be no state to go back to.
    `to`: the target group that was promoted, in short. `minimum`: MinSize of the other group.
    """

    to: str
    weights: Weights
    minimum: int | None

    def text(self) -> str:
        parts = [f"{short_name(arn)}={share}" for arn, share in self.weights.items() if share]
        return " ".join([f"to={self.to}", *parts] + ([] if self.minimum is None else [f"min={self.minimum}"]))

    def counts(self, *, ours: str, observed: Weights) -> bool:
        """Whether to go back to what it says. Not when all traffic has ended up on one side, and we move it on."""
        return self.to == short_name(ours) or max(observed.values(), default=0) < 100


def parse_rollback_point(text: str, known: Sequence[str]) -> RollbackPoint | None:
    """The note in a tag; None when it is unreadable or names target groups that are not `known`."""
    names = {short_name(arn): arn for arn in known}
    parts = dict(part.partition("=")[::2] for part in text.split())
    to, minimum = parts.pop("to", ""), parts.pop("min", None)
    readable = all(name in names and number.isdigit() for name, number in parts.items())
    if not (to and parts and readable and (minimum is None or minimum.isdigit())):
        return None
    weights = {names[name]: int(number) for name, number in parts.items()}
    return RollbackPoint(to=to, weights=weights, minimum=None if minimum is None else int(minimum))


def short_name(arn: str) -> str:
    """A target group without its prefix: NAME/ID."""
    return arn.partition(_PREFIX)[2] or arn
