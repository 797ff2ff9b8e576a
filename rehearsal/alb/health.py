"""A target's health as an ALB sees it: pure, from one check to the next.

Source: "Health checks for Application Load Balancer target groups", AWS's ELB user guide (states and reason codes).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rehearsal.state.target_health import HEALTHY, INITIAL, UNHEALTHY, Health


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One check: `reason` and `description` are AWS's when it failed."""

    passed: bool
    reason: str | None = None
    description: str | None = None


_CHECKING = Health(state=INITIAL, reason="Elb.InitialHealthChecking", description="Initial health checks in progress")


def next_health(health: Health, outcome: Outcome, *, healthy_threshold: int, unhealthy_threshold: int) -> Health:
    """The health after one more check.

    A target that was just registered needs one success whatever the threshold says; going back from unhealthy needs
    `healthy_threshold` successes in a row, leaving healthy needs `unhealthy_threshold` failures in a row.
    """
    if outcome.passed:
        passed = health.passed + 1
        if health.state != UNHEALTHY or passed >= healthy_threshold:
            return Health(state=HEALTHY, passed=passed)
        return replace(health, passed=passed, failed=0)
    failed = health.failed + 1
    if health.state == UNHEALTHY or failed >= unhealthy_threshold:
        return Health(state=UNHEALTHY, reason=outcome.reason, description=outcome.description, failed=failed)
    return replace(_CHECKING if health.state == INITIAL else health, passed=0, failed=failed)


def matches(code: int, matcher: str) -> bool:
    """Whether an HTTP status is one the target group's matcher names: "200", "200,302", "200-399"."""
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= code <= int(high or low):
            return True
    return False
