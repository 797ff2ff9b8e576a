"""CloudWatch: dimensions are a set, and a period begins where the clock's does.

Source: GetMetricData in CloudWatch's API reference ("round down to the nearest whole minute").
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend, Dimension

from rehearsal.truths.patch import Correction, around
from rehearsal.world import World


def _before(one: Any, other: Any) -> bool:
    return (one.name or "", one.value or "") < (other.name or "", other.value or "")


# moto's order of two dimensions depends on the order they came in, so the same set may not be found again.
Dimension.__lt__ = _before


@around(CloudWatchBackend, "get_metric_data")
def whole_periods(
    world: World,
    original: Correction,
    backend: Any,
    queries: list[dict[str, Any]],
    start_time: datetime,
    *args: Any,
    **kwargs: Any,
) -> Any:
    periods = [int(query["MetricStat"]["Period"]) for query in queries if "MetricStat" in query]
    if periods:
        midnight = start_time.replace(hour=0, minute=0, second=0, microsecond=0)
        start_time -= (start_time - midnight) % timedelta(seconds=max(periods))
    return original(backend, queries, start_time, *args, **kwargs)


@around(Alarm, "__init__")
def knows_nothing_yet(world: World, original: Correction, alarm: Any, *args: Any, **kwargs: Any) -> None:
    """A new alarm has not been evaluated; moto calls it OK."""
    original(alarm, *args, **kwargs)
    alarm.state_value = "INSUFFICIENT_DATA"
