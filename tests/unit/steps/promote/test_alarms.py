"""Which alarms ring about the group that is to take traffic: those that measure its target group, in either way."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from steps.promote import alarms
from tests.support.account import moto_only

MINE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/green/0123456789abcdef"
OTHER = MINE.replace("green", "blue")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    moto_only(monkeypatch)
    with mock_aws():
        yield SimpleNamespace(cloudwatch=boto3.client("cloudwatch", "eu-west-1"))


def ring(aws: Any, name: str, **about: Any) -> None:
    aws.cloudwatch.put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", **about
    )
    aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")


def dimensions(arn: str) -> list[dict[str, str]]:
    return [{"Name": "TargetGroup", "Value": arn.rpartition(":")[2]}]


def test_an_alarm_is_about_the_target_groups_of_its_metric_or_of_its_expression(aws: Any) -> None:
    ring(
        aws,
        "plain",
        Namespace="AWS/ApplicationELB",
        MetricName="UnHealthyHostCount",
        Period=60,
        Statistic="Maximum",
        Dimensions=dimensions(MINE),
    )
    ring(
        aws,
        "expression",
        Metrics=[
            {
                "Id": "sick",
                "ReturnData": False,
                "MetricStat": {
                    "Period": 60,
                    "Stat": "Maximum",
                    "Metric": {
                        "Namespace": "AWS/ApplicationELB",
                        "MetricName": "UnHealthyHostCount",
                        "Dimensions": dimensions(MINE),
                    },
                },
            },
            {"Id": "watched", "Expression": "sick * 1", "ReturnData": True},
        ],
    )
    ring(
        aws,
        "elsewhere",
        Namespace="AWS/ApplicationELB",
        MetricName="UnHealthyHostCount",
        Period=60,
        Statistic="Maximum",
        Dimensions=dimensions(OTHER),
    )
    found = alarms.read_alarms(aws, ["plain", "expression", "elsewhere"])
    assert alarms.own_alarms(found, MINE) == ["plain", "expression"]
    assert alarms.other_alarms(found, MINE) == ["elsewhere"]
