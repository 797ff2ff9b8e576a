"""What the rehearsal's load balancer tells CloudWatch, and alarms that ring for it."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from core.aws import Aws
from rehearsal.alb import counters
from rehearsal.servers import scripted
from steps.promote import metrics
from steps.promote.figures import Metrics
from tests.rehearsal.alb.site import Site
from tests.rehearsal.boto3_stack import until


def test_metrics_count_requests_errors_and_hosts(site: Site) -> None:
    def fails(connection: socket.socket) -> None:
        while scripted.head(connection):
            connection.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")

    green = site.targets("green", scripted.checked(fails))
    site.stack.rule({green: 1})
    site.healthy("green")
    for _ in range(7):
        assert site.get().status == 500
    balancer = site.stack.balancer.partition(":loadbalancer/")[2]
    group = green.rpartition(":")[2]
    until(
        lambda: metric(site, "HTTPCode_Target_5XX_Count", "Sum", TargetGroup=group, LoadBalancer=balancer) == 7,
        what="7",
    )
    assert metric(site, "RequestCount", "Sum", LoadBalancer=balancer, TargetGroup=group) == 7
    assert metric(site, "TargetResponseTime", "SampleCount", LoadBalancer=balancer, TargetGroup=group) == 7
    until(
        lambda: metric(site, "HealthyHostCount", "Maximum", LoadBalancer=balancer, TargetGroup=group) == 1, what="host"
    )
    assert metric(site, "HTTPCode_ELB_5XX_Count", "Sum", LoadBalancer=balancer, TargetGroup=group) is None


def test_what_promote_reads_are_the_whole_minutes_since_it_asked(site: Site) -> None:
    def answers(connection: socket.socket) -> None:
        while scripted.head(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    green = site.targets("green", scripted.checked(answers))
    site.stack.rule({green: 1})
    site.healthy("green")
    for _ in range(5):
        assert site.get().status == 200
    since = datetime.now(UTC)

    def seen() -> Metrics:
        assert site.get().status == 200
        return metrics.read_metrics(
            cast(Aws, SimpleNamespace(cloudwatch=site.stack.cloud.client("cloudwatch"))),
            load_balancer=site.stack.balancer,
            ours=green,
            other=None,
            start=since,
            end=datetime.now(UTC),
        )

    first = seen()
    assert (first.minutes, first.ours.requests) == ((), 0), "the minute in which it asks is not whole"
    until(lambda: bool(seen().minutes), what="a whole minute")
    last = seen()
    assert all(minute >= since for minute in last.minutes)
    assert last.ours.requests > 0
    assert datetime.now(UTC) - last.minutes[-1] >= timedelta(seconds=2), "a minute to pass, and one more"


@pytest.mark.parametrize("minute", range(100, 110))
def test_a_minute_is_shown_whole_and_one_to_two_after_its_end(minute: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [6.0 * minute]
    monkeypatch.setattr("rehearsal.alb.counters.time.time", lambda: now[0])
    made = counters.Counters(minute_seconds=6)
    for at in (0.0, 3.0, 5.9, 6.0):  # the last is the next one's
        now[0] = 6.0 * minute + at
        made.add("RequestCount", balancer="app/a/1")
    while not (due := made.due()):
        now[0] += 0.1
    assert {key[3]: sample.count for key, sample in due.items()} == {minute: 3}
    assert 6 <= now[0] - 6 * (minute + 1) <= 12.1
    now[0] += 12
    assert [sample.count for sample in made.due().values()] == [1]
    assert not made.due()


def metric(site: Site, name: str, statistic: str, **dimensions: str) -> float | None:
    """Over the last and the next minutes, added up; None without data."""
    now = datetime.now(UTC)
    pairs = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    answer = site.stack.cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": pairs},
                    "Period": 60,
                    "Stat": statistic,
                },
            }
        ],
        StartTime=now - timedelta(minutes=3),
        EndTime=now + timedelta(minutes=1),
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return (max(values) if statistic == "Maximum" else sum(values)) if values else None


def alarm(site: Site, name: str) -> str:
    found = site.stack.cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    state: str = found[0]["StateValue"]
    return state


def test_alarm_rings_when_its_metric_does(site: Site) -> None:
    site.stack.rule({site.targets("empty"): 1})
    site.stack.cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="balancer-errors",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_ELB_503_Count",
        Dimensions=[{"Name": "LoadBalancer", "Value": site.stack.balancer.partition(":loadbalancer/")[2]}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    until(lambda: site.get().status == 503 and alarm(site, "balancer-errors") == "ALARM", what="ALARM")


def test_an_alarm_about_a_percentile_rings_for_slow_answers_and_not_for_quick_ones(site: Site) -> None:
    def slow(connection: socket.socket) -> None:
        while scripted.head(connection):
            time.sleep(0.2)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    group = site.targets("slow", scripted.checked(slow))
    site.stack.rule({group: 1})
    site.healthy("slow")
    for name, above in (("slow-0.1", 0.1), ("slow-30", 30.0)):
        site.stack.cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            EvaluationPeriods=1,
            Threshold=above,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            Metrics=[
                {
                    "Id": "time",
                    "ReturnData": False,
                    "MetricStat": {
                        "Period": 60,
                        "Stat": "p99",
                        "Metric": {
                            "Namespace": "AWS/ApplicationELB",
                            "MetricName": "TargetResponseTime",
                            "Dimensions": [
                                {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
                                {"Name": "LoadBalancer", "Value": site.stack.balancer.partition(":loadbalancer/")[2]},
                            ],
                        },
                    },
                },
                {"Id": "watched", "Expression": "IF(time > 0, time, 0)", "ReturnData": True},
            ],
        )
    until(lambda: site.get().status == 200 and alarm(site, "slow-0.1") == "ALARM", what="ALARM")
    assert alarm(site, "slow-30") == "OK"
    where = {
        "TargetGroup": group.rpartition(":")[2],
        "LoadBalancer": site.stack.balancer.partition(":loadbalancer/")[2],
    }
    assert metric(site, "TargetResponseTime", "PR(:0.1)", **where) == 0
    assert (metric(site, "TargetResponseTime", "PR(:30)", **where) or 0) >= 100
    assert (metric(site, "TargetResponseTime", "p95", **where) or 0) >= 0.2
