"""The alarms about one color's servers that the step promote watches.

Names, units and dimensions of the metrics: "CloudWatch metrics for your Application Load Balancer", ELB user guide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.replacement import group_options
from plan.group_key import GroupKey

MINUTE = 60
# Of fewer answers in a minute the slowest one is the 99th percentile: one slow request would ring.
ENOUGH_REQUESTS = 100

Query = aws.cloudwatch.MetricAlarmMetricQueryArgsDict


@dataclass(frozen=True)
class Limits:
    """Too much: `error_percent` of the answers are 5xx, a 99th percentile above `response_milliseconds` (0: none).

    Too few: healthy servers below `servers` for longer than `replacement_seconds`, which a server's replacement takes.
    """

    error_percent: int
    response_milliseconds: int
    servers: int
    replacement_seconds: int


def alarms(
    parent: pulumi.Resource,
    prefix: str,
    *,
    color: GroupKey,
    target_group: aws.lb.TargetGroup,
    load_balancer_arn_suffix: pulumi.Input[str],
    limits: Limits,
    topic: str = "",
    tags: Mapping[str, pulumi.Input[str]],
) -> list[aws.cloudwatch.MetricAlarm]:
    """5xx answers above their share, too few healthy servers, slow answers for 2 minutes; each with traffic.

    Without traffic a group may be booting, or be kept; nobody is hurt, and verify sees to it. Unhealthy servers are not
    counted: each new one is for a while, whenever a group grows, replaces one, or moves one to another zone.

    `topic` (ARN; empty: none) is told when one rings, and not when it is quiet again: each is quiet for the first time
    after a launch.
    """
    where = {"TargetGroup": target_group.arn_suffix, "LoadBalancer": load_balancer_arn_suffix}

    def metric(name: str, statistic: str) -> Query:
        return {
            "id": name.lower(),
            "return_data": False,
            "metric": {
                "namespace": "AWS/ApplicationELB",
                "metric_name": name,
                "period": MINUTE,
                "stat": statistic,
                "dimensions": where,
            },
        }

    def alarm(
        what: str, about: str, watched: Query, expression: str, *, above: float, minutes: int
    ) -> aws.cloudwatch.MetricAlarm:
        return aws.cloudwatch.MetricAlarm(
            f"{prefix}-{what}",
            alarm_description=about,
            comparison_operator="GreaterThanThreshold",
            threshold=above,
            evaluation_periods=minutes,
            treat_missing_data="notBreaching",
            alarm_actions=[topic] if topic else None,
            metric_queries=[
                metric("RequestCount", "Sum"),
                watched,
                {"id": "watched", "label": what, "return_data": True, "expression": expression},
            ],
            tags=tags,
            opts=group_options(color, parent),
        )

    made = [
        alarm(
            "5xx",
            f"More than {limits.error_percent} % of the answers are 5xx",
            metric("HTTPCode_Target_5XX_Count", "Sum"),
            "100 * FILL(httpcode_target_5xx_count, 0) / requestcount",
            above=limits.error_percent,
            minutes=1,
        ),
        # The most of a minute: one node of the load balancer that can't reach a server does not count against it.
        alarm(
            "few-healthy",
            f"Fewer than {limits.servers} servers have been healthy for longer than the"
            f" {limits.replacement_seconds} s of a replacement, with traffic",
            metric("HealthyHostCount", "Maximum"),
            f"IF(requestcount > 0, {limits.servers} - healthyhostcount, 0)",
            above=0,
            minutes=math.ceil(limits.replacement_seconds / MINUTE) + 1,
        ),
    ]
    if limits.response_milliseconds:
        made.append(
            alarm(
                "slow",
                f"1 % of the answers have taken longer than {limits.response_milliseconds} ms for 2 minutes",
                metric("TargetResponseTime", "p99"),
                f"IF(requestcount > {ENOUGH_REQUESTS}, targetresponsetime, 0)",
                above=limits.response_milliseconds / 1000,
                minutes=2,
            )
        )
    return made
