"""An ALB's CloudWatch metrics: counted as requests go by, written into the minute's bucket every few seconds.

Source: "CloudWatch metrics for your Application Load Balancer": names, dimensions, and that most are only reported when
they are not zero.
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
"""Metric, load balancer, target group (or empty), minute since the epoch."""


class Counters:
    """Filled by the balancer's loop alone; `taken` hands over what came since the last time."""

    def __init__(self) -> None:
        self._samples: dict[Key, _Sample] = {}

    def add(self, metric: str, *, balancer: str, group: str = "", value: float = 1.0) -> None:
        """`group` is a target group's CloudWatch name: the value then counts for it and for the balancer."""
        minute = int(time.time() // 60)
        for dimension in {"", group}:
            self._sample((metric, balancer, dimension, minute)).add(value, keep=metric in MEASURED)

    def gauge(self, metric: str, *, balancer: str, group: str, value: float) -> None:
        """A value that exists for a target group only (HealthyHostCount)."""
        self._sample((metric, balancer, group, int(time.time() // 60))).add(value)

    def _sample(self, key: Key) -> _Sample:
        return self._samples.setdefault(key, _Sample())

    def taken(self) -> Mapping[Key, _Sample]:
        samples, self._samples = self._samples, {}
        return samples


def publish(cloudwatch: Any, samples: Mapping[Key, _Sample]) -> None:
    """Adds to moto's metric data; data of one minute add up, so its bucket grows until the minute is over."""
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
            timestamp=datetime.fromtimestamp(minute * 60, UTC).replace(tzinfo=None),
            unit="Seconds" if metric == "TargetResponseTime" else "Count",
        )
        # For percentiles, which moto does not know.
        datum.values = sample.values
        cloudwatch.metric_data.append(datum)
