"""Whether a group that gets production traffic does well. Pure: observations in, a reason to go back out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.comparison import Answers
from steps.promote import compared
from steps.promote.compared import Comparison
from steps.promote.figures import Metrics

# The share of errors that is too many where there is no group to compare with in the same minutes, and how far it must
# be above what was usual. So many errors are no accident.
TOO_MANY = 0.01
MARGIN = 0.01
ENOUGH_ERRORS = 5
PROBES_IN_A_ROW = 3
EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One look. `weights`: shares of the production rule as found. `in_alarm`: alarms in ALARM that count.

    `failed` and `why`: probes of our generation that failed in a row, and the last one's reason. `now` and `before`:
    metrics since the traffic began to move, and of the ten minutes before. `minutes`: how many whole minutes at these
    weights, which were set at `since`, CloudWatch has shown. `alone`: ours has all of the traffic. `slow_seconds`: what
    an answer takes longer than to be slow; 0 when that is not looked at. `short`: for how many seconds fewer servers
    have been healthy than are needed; `replaced_in`: how many a server's replacement may take. `no_healthy_baseline`:
    nobody was healthy when it began, so what the load balancer itself answers 5xx to may still be requests of then.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    in_alarm: Sequence[str] = ()
    healthy: int
    needed: int
    failed: int = 0
    why: str = ""
    now: Metrics = field(default_factory=Metrics)
    before: Metrics = field(default_factory=Metrics)
    minutes: int = 0
    since: datetime = EVER
    alone: bool = False
    slow_seconds: float = 0
    short: float = 0
    replaced_in: float = math.inf
    no_healthy_baseline: bool = False


def reason_to_go_back(seen: Observation) -> str:
    """Why to go back; empty when there is no reason."""
    if seen.in_alarm:
        return f"in ALARM: {', '.join(seen.in_alarm)}"
    if 2 * seen.healthy < seen.needed:
        return f"only {seen.healthy} of {seen.needed} servers are healthy"
    if seen.short > seen.replaced_in:
        return (
            f"{seen.healthy} of {seen.needed} servers are healthy: too few for {seen.short:.0f} s, and a replacement "
            f"takes {seen.replaced_in:.0f} s"
        )
    if seen.failed >= PROBES_IN_A_ROW:
        return f"{seen.failed} probes in a row failed: {seen.why}"
    return (
        compared.reason_to_go_back(comparisons(seen))
        or _errors(seen)
        or _connections(seen)
        or ("" if seen.no_healthy_baseline else _balancer(seen))
    )


def comparisons(seen: Observation) -> tuple[Comparison, ...]:
    """What the minutes say that both groups have answered in."""
    return compared.comparisons(seen.now, seen.before, slow_seconds=seen.slow_seconds)


def is_known_good(seen: Observation) -> bool:
    """Whether nothing more has to be seen at these weights: all is well, and no worse than with the others."""
    return (
        seen.healthy >= seen.needed
        and not seen.failed
        and not compared.doubt(comparisons(seen))
        and compared.does_as_well(seen.now, seen.before, since=seen.since, slow_seconds=seen.slow_seconds)
    )


def _errors(seen: Observation) -> str:
    """With all of the traffic there is nobody to compare with: too many are more than the others had."""
    if not seen.alone:
        return ""
    ours = sum((minute.ours for at, minute in seen.now.errors.items() if at >= seen.since), Answers())
    usual = max(seen.now.other.share, seen.before.other.share)
    if ours.failed < ENOUGH_ERRORS or ours.share <= TOO_MANY or ours.share <= usual + MARGIN:
        return ""
    return (
        f"{ours.failed:.0f} of {ours.total:.0f} requests to the new servers ended in a 5xx ({ours.share:.1%}; "
        f"the others had {usual:.1%})"
    )


def _connections(seen: Observation) -> str:
    failed = seen.now.connections
    if failed.errors < ENOUGH_ERRORS or failed.share <= TOO_MANY:
        return ""
    return f"the load balancer could not connect to the new servers {failed.errors} times"


def _balancer(seen: Observation) -> str:
    failed, usual = seen.now.balancer, seen.before.balancer.share
    if failed.errors < ENOUGH_ERRORS or failed.share <= TOO_MANY or failed.share <= usual + MARGIN:
        return ""
    return (
        f"the load balancer itself answered 5xx to {failed.errors} of {failed.total} requests ({failed.share:.1%}; "
        f"before it was {usual:.1%})"
    )


def what_is_unknown(seen: Observation, *, metrics: bool) -> str:
    """What must be known before more traffic moves and is not yet; empty when all is. `metrics`: CloudWatch's too."""
    if seen.healthy < seen.needed:
        return f"a replacement: {seen.healthy} of {seen.needed} servers are healthy"
    if metrics and not seen.minutes:
        return "CloudWatch's first whole minute at these weights (it comes a minute or two after it has passed)"
    return ""


def summary(seen: Observation) -> str:
    """The look, for a line of progress."""
    ours, shown = seen.now.ours, len(seen.now.minutes)
    errors = "no request metrics yet"
    if ours.requests:
        minutes = "1 whole minute" if shown == 1 else f"{shown} whole minutes"
        errors = f"5xx {ours.errors} of {ours.requests} requests in {minutes}"
        if seen.now.slow:
            slow = sum((minute.ours for minute in seen.now.slow.values()), Answers())
            errors += f", {slow.failed:.0f} slower than {seen.slow_seconds * 1000:.0f} ms"
    probes = f"probe failed: {seen.why}" if seen.failed else "probes answer"
    return f"{seen.healthy} of {seen.needed} servers healthy, {probes}, {errors}"
