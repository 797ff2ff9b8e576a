"""How CloudWatch is asked about a load balancer and its target groups. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef

# ALB metrics are sums over a minute (ELB user guide, "CloudWatch metrics").
PERIOD = timedelta(minutes=1)


def query(
    id_: str, metric: str, *, load_balancer: str, target_group: str | None = None, statistic: str = "Sum"
) -> MetricDataQueryTypeDef:
    """A metric minute by minute, of a target group or (None) of the whole load balancer; both are ARNs."""
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
            "Stat": statistic,
        },
    }


def dimension(target_group: str) -> str:
    """A target group as CloudWatch names it: targetgroup/NAME/ID."""
    return target_group.rpartition(":")[2]
