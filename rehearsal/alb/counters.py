"""An ALB's CloudWatch metrics: counted as requests go by, and shown by the minute, when it is over, and late.

Source: "CloudWatch metrics for your Application Load Balancer": names, dimensions, that most are only reported when
they are not zero, and that they are sent in intervals of 60 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import MetricAggregatedDatum

NAMESPACE = "AWS/ApplicationELB"
MEASURED = frozenset({"TargetResponseTime"})
"""Metrics that AWS offers percentiles of."""


@dataclass
class _Sample:
    values: list[float] = field(default_factory=list)
    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, value: float, *, keep: bool = False) -> None:
        """`keep`: percentiles of it will be asked for."""
        if keep:
            self.values.append(value)
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)


Key = tuple[str, str, str, int]
"""Metric, load balancer, target group (or empty), minute since the epoch (as long as they are here)."""


class Counters:
    """Filled by the balancer's loop alone; `due` hands over the minutes that CloudWatch shows by now.

    `minute_seconds`: how long a minute is here.
    """

    def __init__(self, *, minute_seconds: int) -> None:
        self._minute_seconds = minute_seconds
        self._samples: dict[Key, _Sample] = {}

    def add(self, metric: str, *, balancer: str, group: str = "", value: float = 1.0) -> None:
        """`group` is a target group's CloudWatch name: the value then counts for it and for the balancer."""
        for dimension in {"", group}:
            self._sample((metric, balancer, dimension, self._minute())).add(value, keep=metric in MEASURED)

    def gauge(self, metric: str, *, balancer: str, group: str, value: float) -> None:
        """A value that exists for a target group only (HealthyHostCount)."""
        self._sample((metric, balancer, group, self._minute())).add(value)

    def _minute(self) -> int:
        return int(time.time() // self._minute_seconds)

    def _sample(self, key: Key) -> _Sample:
        return self._samples.setdefault(key, _Sample())

    def due(self) -> Mapping[Key, _Sample]:
        """What CloudWatch shows from now on and did not before; nothing is counted into these minutes any more."""
        now = time.time() / self._minute_seconds
        return {key: self._samples.pop(key) for key in list(self._samples) if now >= shown(key[3])}


def shown(minute: int) -> float:
    """When CloudWatch shows a minute, in minutes since the epoch: one to two after its end, differently each."""
    return minute + 2 + minute * 0.37 % 1


def publish(cloudwatch: Any, samples: Mapping[Key, _Sample], *, minute_seconds: int) -> None:
    """Adds to moto's metric data."""
    for (metric, balancer, group, minute), sample in samples.items():
        dimensions = [{"Name": "LoadBalancer", "Value": balancer}]
        if group:
            dimensions.append({"Name": "TargetGroup", "Value": group})
        datum: Any = MetricAggregatedDatum(
            namespace=NAMESPACE,
            name=metric,
            min_stat=sample.least,
            max_stat=sample.most,
            sample_count=sample.count,
            sum_stat=sample.total,
            dimensions=dimensions,
            timestamp=datetime.fromtimestamp(minute * minute_seconds, UTC).replace(tzinfo=None),
            unit="Seconds" if metric == "TargetResponseTime" else "Count",
        )
        # For percentiles, which moto does not know.
        datum.values = sample.values
        cloudwatch.metric_data.append(datum)
