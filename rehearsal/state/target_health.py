"""A target's health, as DescribeTargetHealth words it.

Source: "Health checks for Application Load Balancer target groups", AWS's ELB user guide (states and reason codes).
"""

from __future__ import annotations

from dataclasses import dataclass

HEALTHY = "healthy"
UNHEALTHY = "unhealthy"
INITIAL = "initial"


@dataclass(frozen=True, kw_only=True)
class Health:
    state: str
    reason: str | None = None
    description: str | None = None
    passed: int = 0
    failed: int = 0
    """Checks in a row that passed or failed."""


REGISTERING = Health(
    state=INITIAL, reason="Elb.RegistrationInProgress", description="Target registration is in progress"
)
