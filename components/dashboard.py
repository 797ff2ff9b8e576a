"""What users see and what an update does to it, as a CloudWatch dashboard.

Sources: "Dashboard body structure and syntax", CloudWatch's API reference; "Search expression syntax", its user guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

# Okabe and Ito's blue, bluish green and vermillion: color-blind readers tell them apart.
PAINT = {"blue": "#0072B2", "green": "#009E73"}
FAILED = "#D55E00"
WIDE, HIGH = 24, 6  # a dashboard is 24 units wide
MINUTE = 60


class Dashboard(pulumi.ComponentResource):
    """Requests by color, 5xx, response times, healthy servers and alarms, with the newest move of traffic marked.

    Graphs search for the target groups of the load balancer by the word of their color, so they show generations that
    died too (CloudWatch finds metrics that had data in the last two weeks), and an update leaves them as they are.

    Inputs: `region`; `load_balancer_arn_suffix`; `alarm_arns` of the groups; `promoted`: what the step promote said
    (JSON, empty when it is lost). It changes when traffic has moved, and only then.
    """

    def __init__(
        self,
        name: str,
        *,
        region: str,
        load_balancer_arn_suffix: pulumi.Input[str],
        alarm_arns: Sequence[pulumi.Input[str]],
        promoted: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:Dashboard", name, {"region": region}, opts)
        made = pulumi.Output.all(load_balancer_arn_suffix, promoted, *alarm_arns).apply(
            lambda known: json.dumps(
                dashboard_body(region=region, load_balancer=known[0], moved=moves(known[1]), alarm_arns=known[2:]),
                sort_keys=True,
            )
        )
        dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard", dashboard_name=name, dashboard_body=made, opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({"arn": dashboard.dashboard_arn})


def moves(promoted: str) -> list[dict[str, Any]]:
    """The move of traffic that the step promote told of, as a vertical line."""
    if not promoted:
        return []
    said = json.loads(promoted)
    weights = ", ".join(f"{color} {percent} %" for color, percent in said["weights"].items())
    return [{"value": said["promotedAt"], "label": f"production: {weights}"}]


def dashboard_body(
    *, region: str, load_balancer: str, moved: Sequence[Mapping[str, Any]], alarm_arns: Sequence[str]
) -> dict[str, Any]:
    """The dashboard's body; `load_balancer` as CloudWatch names it (app/NAME/ID)."""

    def search(metric: str, statistic: str, color: str) -> str:
        # A word without quotes matches a part of the name: targetgroup/shop-dev-blue-1a2b3c4/0123456789abcdef.
        return (
            f'SEARCH(\'{{AWS/ApplicationELB,LoadBalancer,TargetGroup}} MetricName="{metric}"'
            f" LoadBalancer=\"{load_balancer}\" TargetGroup={color}', '{statistic}', {MINUTE})"
        )

    def colors(function: str, metric: str, statistic: str, *, of: str = "", number: str = "") -> list[Any]:
        return [
            [
                {
                    "expression": f"{function}({search(metric, statistic, color)})",
                    "label": f"{color}{of}",
                    "color": paint,
                    "id": f"{color}{number}",
                }
            ]
            for color, paint in PAINT.items()
        ]

    def balancer(metric: str, label: str) -> list[Any]:
        return [
            "AWS/ApplicationELB",
            metric,
            "LoadBalancer",
            load_balancer,
            {"label": label, "stat": "Sum", "period": MINUTE, "color": FAILED if "5XX" in metric else "#616e7c"},
        ]

    def graph(title: str, unit: str, metrics: Sequence[Sequence[Any]], *, stacked: bool = False) -> dict[str, Any]:
        return {
            "type": "metric",
            "properties": {
                "title": title,
                "view": "timeSeries",
                "stacked": stacked,
                "region": region,
                "period": MINUTE,
                "metrics": list(metrics),
                "yAxis": {"left": {"min": 0, "label": unit, "showUnits": False}},
                "annotations": {"vertical": list(moved)},
            },
        }

    graphs = [
        graph("Requests a minute by color", "requests", colors("SUM", "RequestCount", "Sum"), stacked=True),
        graph(
            "Errors a minute",
            "answers",
            [
                *colors("SUM", "HTTPCode_Target_5XX_Count", "Sum", of=": 5xx of the servers"),
                balancer("HTTPCode_ELB_5XX_Count", "5xx of the load balancer"),
                balancer("TargetConnectionErrorCount", "connections that failed"),
            ],
        ),
        graph(
            "Response time of the servers",
            "seconds",
            [
                *colors("MAX", "TargetResponseTime", "p99", of=" p99", number="99"),
                *colors("MAX", "TargetResponseTime", "p50", of=" p50", number="50"),
            ],
        ),
        graph("Healthy servers", "servers", colors("SUM", "HealthyHostCount", "Minimum")),
    ]
    alarms = {"type": "alarm", "properties": {"title": "Alarms that stop a rollout", "alarms": list(alarm_arns)}}
    placed = [{**widget, "x": 0, "y": row * HIGH, "width": WIDE, "height": HIGH} for row, widget in enumerate(graphs)]
    return {"widgets": [*placed, {**alarms, "x": 0, "y": len(graphs) * HIGH, "width": WIDE, "height": 3}]}
