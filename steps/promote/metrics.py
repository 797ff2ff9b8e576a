"""What CloudWatch says of a load balancer and its target groups."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.aws import Aws
from steps.promote.verdict import Metrics, Traffic

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef

# ALB metrics are sums over a minute (ELB user guide, "CloudWatch metrics").
PERIOD = timedelta(minutes=1)


def read_metrics(
    aws: Aws, *, load_balancer: str, ours: str, other: str | None, start: datetime, end: datetime, shared: bool = False
) -> Metrics:
    """Sums over the whole minutes that began at `start` or later, and before `end`, as far as they are published.

    The minute that `start` lies in is not counted: a part of it belongs to what was before.
    The load balancer's own 5xx are not told by target group: of one that is `shared` they may be anybody's.
    """
    queries = [
        _sum("requests", "RequestCount", load_balancer, ours),
        _sum("errors", "HTTPCode_Target_5XX_Count", load_balancer, ours),
        _sum("connections", "TargetConnectionErrorCount", load_balancer, ours),
    ]
    if not shared:
        queries += [
            _sum("allrequests", "RequestCount", load_balancer),
            _sum("allerrors", "HTTPCode_ELB_5XX_Count", load_balancer),
        ]
    if other:
        queries += [
            _sum("otherrequests", "RequestCount", load_balancer, other),
            _sum("othererrors", "HTTPCode_Target_5XX_Count", load_balancer, other),
        ]
    sums = dict.fromkeys(("otherrequests", "othererrors", "allrequests", "allerrors"), 0)
    minutes: list[datetime] = []
    pages = aws.cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=_minute(start),
        EndTime=_minute(end) + PERIOD,
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            counted = {
                minute: value
                for minute, value in zip(result["Timestamps"], result["Values"], strict=True)
                if start <= minute < end
            }
            sums[result["Id"]] = sums.get(result["Id"], 0) + round(sum(counted.values()))
            if result["Id"] == "requests":
                minutes += counted
    return Metrics(
        minutes=tuple(sorted(minutes)),
        ours=Traffic(requests=sums["requests"], errors=sums["errors"]),
        other=Traffic(requests=sums["otherrequests"], errors=sums["othererrors"]),
        connections=Traffic(requests=sums["requests"], errors=sums["connections"], beside=True),
        balancer=Traffic(requests=sums["allrequests"], errors=sums["allerrors"], beside=True),
    )


def _sum(id_: str, metric: str, load_balancer: str, target_group: str | None = None) -> MetricDataQueryTypeDef:
    dimensions: list[DimensionTypeDef] = [
        {"Name": "LoadBalancer", "Value": load_balancer.partition(":loadbalancer/")[2]}
    ]
    if target_group:
        dimensions.append({"Name": "TargetGroup", "Value": dimension(target_group)})
    return {
        "Id": id_,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions},
            "Period": int(PERIOD.total_seconds()),
            "Stat": "Sum",
        },
    }


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def dimension(target_group: str) -> str:
    """A target group as CloudWatch names it: targetgroup/NAME/ID."""
    return target_group.rpartition(":")[2]
