"""How much traffic production has had lately, and how much of it failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.balancer_metrics import query
from plan.detection import LiveTraffic
from plan.readers.live_state import LiveState

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

SPAN = timedelta(hours=1)
METRICS = {"requests": "RequestCount", "errors": "HTTPCode_Target_5XX_Count"}


def read_live_traffic(watch: CloudWatchClient, live: LiveState, *, now: datetime) -> LiveTraffic | None:
    """Of the groups that have production; None when nobody has. Without a request in the last hour it is none."""
    groups = [group.target_group for group in live.groups if group.weight and group.target_group]
    if not (live.load_balancer and groups):
        return None
    queries = [
        query(f"{what}{number}", metric, load_balancer=live.load_balancer, target_group=group)
        for number, group in enumerate(groups)
        for what, metric in METRICS.items()
    ]
    sums = dict.fromkeys(METRICS, 0.0)
    minutes: set[datetime] = set()
    pages = watch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=now - SPAN, EndTime=now
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            sums[result["Id"].rstrip("0123456789")] += sum(result["Values"])
            minutes.update(result["Timestamps"])
    if not (minutes and sums["requests"]):
        return LiveTraffic(per_second=0.0, error_share=0.0)
    # A service that is younger than an hour is not one with less traffic.
    seconds = (max(minutes) - min(minutes)).total_seconds() + 60
    return LiveTraffic(per_second=sums["requests"] / seconds, error_share=min(1.0, sums["errors"] / sums["requests"]))
