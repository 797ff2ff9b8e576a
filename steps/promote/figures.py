"""What CloudWatch has counted of the requests to a load balancer and its target groups, as the steps know it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.comparison import Answers, Minute


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Requests that were answered, and errors: those among them, or (`beside`) those that never got that far."""

    requests: int = 0
    errors: int = 0
    beside: bool = False

    @property
    def total(self) -> int:
        return self.requests + (self.errors if self.beside else 0)

    @property
    def share(self) -> float:
        return self.errors / self.total if self.total else 0.0


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """CloudWatch's sums over a while. ALB metrics come once a minute, and only with traffic.

    `minutes`: when each whole minute began in which ours had requests. `errors`, `slow`: each of them with what both
    groups answered in it, and how much of that was a 5xx, or slow. `others_slow`: the others' answers in all of them.
    """

    minutes: Sequence[datetime] = ()
    ours: Traffic = field(default_factory=Traffic)
    other: Traffic = field(default_factory=Traffic)
    connections: Traffic = field(default_factory=lambda: Traffic(beside=True))
    balancer: Traffic = field(default_factory=lambda: Traffic(beside=True))
    errors: Mapping[datetime, Minute] = field(default_factory=dict)
    slow: Mapping[datetime, Minute] = field(default_factory=dict)
    others_slow: Answers = field(default_factory=Answers)
