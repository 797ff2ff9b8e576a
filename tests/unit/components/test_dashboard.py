"""The dashboard: what it draws, that CloudWatch would take it, and that it changes with a move of traffic alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components import dashboard
from rehearsal.cloud import cloud
from rehearsal.cloud.moto_patches.dashboards import dashboard_problems

PROMOTED = json.dumps(
    {
        "color": "green",
        "generation": "0" * 12,
        "weights": {"green": 90, "blue": 10},
        "promotedAt": "2026-11-24T12:00:00Z",
        "first": False,
    }
)
ALARMS = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-dev-green-5xx"]


def body(promoted: str = "") -> dict[str, Any]:
    return dashboard.dashboard_body(
        region="eu-west-1",
        load_balancer="app/shop-dev/0123456789abcdef",
        moved=dashboard.moves(promoted),
        alarm_arns=ALARMS,
    )


def test_it_draws_the_same_picture_as_the_rehearsal() -> None:
    graphs = {widget["properties"]["title"]: widget["properties"] for widget in body()["widgets"]}
    drawn = {
        title: [
            row[1]
            if len(row) > 1
            else row[0]["expression"].split('MetricName="')[1].split('"')[0] + " " + row[0]["label"]
            for row in said["metrics"]
        ]
        for title, said in graphs.items()
        if "metrics" in said
    }
    assert drawn == {
        "Requests a minute by color": ["RequestCount blue", "RequestCount green"],
        "Errors a minute": [
            "HTTPCode_Target_5XX_Count blue: 5xx of the servers",
            "HTTPCode_Target_5XX_Count green: 5xx of the servers",
            "HTTPCode_ELB_5XX_Count",
            "TargetConnectionErrorCount",
        ],
        "Response time of the servers": [
            "TargetResponseTime blue p99",
            "TargetResponseTime green p99",
            "TargetResponseTime blue p50",
            "TargetResponseTime green p50",
        ],
        "Healthy servers": ["HealthyHostCount blue", "HealthyHostCount green"],
    }
    assert graphs["Requests a minute by color"]["stacked"] is True
    assert graphs["Alarms that stop a rollout"]["alarms"] == ALARMS


def test_a_move_of_traffic_is_marked_in_every_graph_and_without_one_nothing_is() -> None:
    marks = [widget["properties"]["annotations"]["vertical"] for widget in body(PROMOTED)["widgets"][:-1]]
    assert marks == [[{"value": "2026-11-24T12:00:00Z", "label": "production: green 90 %, blue 10 %"}]] * 4
    assert all(widget["properties"]["annotations"]["vertical"] == [] for widget in body()["widgets"][:-1])


def test_widgets_do_not_lie_on_each_other_and_ids_are_unique() -> None:
    widgets = body(PROMOTED)["widgets"]
    assert [widget["y"] for widget in widgets] == [
        sum(before["height"] for before in widgets[:number]) for number in range(len(widgets))
    ]
    assert list(dashboard_problems(body(PROMOTED))) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"region": ""}, "region is required"),
        ({"metrics": []}, "metrics must be from 1"),
        ({"metrics": [[{"expression": "a", "id": "a"}], [{"expression": "b", "id": "a"}]]}, "ids must be unique"),
        ({"metrics": [[{"expression": "x" * 1025, "id": "a"}]]}, "at most 1024"),
        ({"annotations": {"vertical": [{"value": "yesterday"}]}}, "ISO 8601"),
    ],
)
def test_a_body_that_cloudwatch_would_not_draw_is_refused(change: dict[str, Any], why: str) -> None:
    said = body()
    said["widgets"][0]["properties"] |= change
    assert why in " ".join(dashboard_problems(said))


def test_the_local_cloud_refuses_it_in_cloudwatchs_words(tmp_path: Path) -> None:
    with cloud.Cloud(tmp_path) as local:
        client = local.client("cloudwatch")
        client.put_dashboard(DashboardName="good", DashboardBody=json.dumps(body(PROMOTED)))
        with pytest.raises(ClientError, match=r"InvalidParameterInput.*widgets must be an array"):
            client.put_dashboard(DashboardName="bad", DashboardBody="{}")
        assert [one["DashboardName"] for one in client.list_dashboards()["DashboardEntries"]] == ["good"]
