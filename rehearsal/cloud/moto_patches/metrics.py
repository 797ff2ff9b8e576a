"""CloudWatch: dimensions are a set, and a period begins where the clock's does.

Source: GetMetricData in CloudWatch's API reference ("round down to the nearest whole minute").
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend, Dimension, Statistics

from rehearsal.cloud.alarms import beginning, statistic_of
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


def _before(one: Any, other: Any) -> bool:
    return (one.name or "", one.value or "") < (other.name or "", other.value or "")


# moto's order of two dimensions depends on the order they came in, so the same set may not be found again.
Dimension.__lt__ = _before


@around(CloudWatchBackend, "get_metric_data")
def whole_periods(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    queries: list[dict[str, Any]],
    start_time: datetime,
    *args: Any,
    **kwargs: Any,
) -> Any:
    queries = copy.deepcopy(queries)
    stats = [query["MetricStat"] for query in queries if "MetricStat" in query]
    for stat in stats:
        # As long as this cloud's minutes are.
        stat["Period"] = max(1, int(stat["Period"]) * cloud.minute_seconds // 60)
    if stats:
        start_time = beginning(start_time, timedelta(seconds=max(stat["Period"] for stat in stats)))
    return original(backend, queries, start_time, *args, **kwargs)


@around(Statistics, "get_statistics_for_type")
def also_of_single_values(cloud: CloudState, original: Correction, statistics: Any, stat: str) -> Any:
    """Percentiles and percentile ranks; moto answers none."""
    return statistic_of(statistics.metric_data, stat) if stat.startswith(("p", "PR(")) else original(statistics, stat)


@around(Alarm, "__init__")
def knows_nothing_yet(cloud: CloudState, original: Correction, alarm: Any, *args: Any, **kwargs: Any) -> None:
    """A new alarm has not been evaluated; moto calls it OK."""
    original(alarm, *args, **kwargs)
    alarm.state_value = "INSUFFICIENT_DATA"
