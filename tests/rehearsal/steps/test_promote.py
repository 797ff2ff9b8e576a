"""promote on the local cloud: its metrics come as late as AWS's, and servers come and go while production moves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from core.aws import Aws
from core.progress import Progress, RealClock
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.load import Load
from rehearsal.servers.process import ProcessMachines
from steps.promote.promote import Options, promote
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.rehearsal.boto3_stack import GENERATION, SECRET, Stack, stack, until, user_data

# AWS's clock is 30 times faster here: a minute is 2 s, a boot of 240 s is 8.
SCALE = 1 / 30
BOOT, REPLACEMENT = 240, 400
OLD = "bbbbbbbbbbbb"
GROUPS = {"blue": OLD, "green": GENERATION}


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud(tmp_path, boot_seconds=5, time_scale=SCALE) as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.endpoint)
        yield opened


@pytest.fixture
def s(cloud: Cloud) -> Stack:
    """Blue has production, green is verified; both have two servers that are healthy."""
    made = stack(cloud)
    targets = {color: made.target_group(color, interval=10) for color in GROUPS}
    rules = {
        "preview": made.rule({targets["green"]: 1}, priority=1, header=SECRET),
        "production": made.rule({targets["blue"]: 100}),
    }
    balancing = cloud.client("elbv2")
    for kind, rule in rules.items():
        balancing.add_tags(ResourceArns=[rule], Tags=tags(rule=kind))
    for color, generation in GROUPS.items():
        balancing.add_tags(ResourceArns=[targets[color]], Tags=tags(color=color, generation=generation))
        template = made.template(color, data=user_data(color=color, generation=generation))
        made.group(
            color,
            template,
            targets=[targets[color]],
            size=2,
            HealthCheckGracePeriod=BOOT,
            Tags=[{**tag, "PropagateAtLaunch": False} for tag in tags(color=color, verified=generation)],
        )
    for arn in targets.values():
        until(lambda arn=arn: len(made.healthy(arn)) == 2, what="two healthy servers")  # type: ignore[misc]
    return made


def tags(**more: str) -> list[dict[str, str]]:
    return [{"Key": f"phoenix:{key}", "Value": value} for key, value in {"stack": "phoenix/dev", **more}.items()]


def alarm(s: Stack, name: str, metric: str, expression: str, minutes: int) -> str:
    """An alarm about green's servers, as components/alarms.py declares it."""
    where = [
        {"Name": "LoadBalancer", "Value": s.balancer.partition(":loadbalancer/")[2]},
        {"Name": "TargetGroup", "Value": target_group(s, "green").rpartition(":")[2]},
    ]
    measured: list[Any] = [
        {
            "Id": one.lower(),
            "ReturnData": False,
            "MetricStat": {
                "Period": 60,
                "Stat": "Maximum" if one == metric else "Sum",
                "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": one, "Dimensions": where},
            },
        }
        for one in ("RequestCount", metric)
    ]
    s.cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        EvaluationPeriods=minutes,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        Metrics=[*measured, {"Id": "watched", "ReturnData": True, "Expression": expression}],
    )
    return name


def rings(s: Stack, name: str) -> bool:
    [found] = s.cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return bool(found["StateValue"] == "ALARM")


def target_group(s: Stack, color: str) -> str:
    [found] = s.cloud.client("elbv2").describe_target_groups(Names=[color])["TargetGroups"]
    return str(found["TargetGroupArn"])


def rule(s: Stack, priority: str) -> Any:
    found = s.cloud.client("elbv2").describe_rules(ListenerArn=s.listener)["Rules"]
    return next(one for one in found if one["Priority"] == priority)


def share(s: Stack) -> int:
    """Green's percentage of production."""
    groups = rule(s, "100")["Actions"][0]["ForwardConfig"]["TargetGroups"]
    return next((one["Weight"] for one in groups if one["TargetGroupArn"] == target_group(s, "green")), 0)


def disturbed(s: Stack, what: str) -> None:
    """In a canary and in the soak: another server, or one in another's place, that boots slowly."""
    for percent, size in ((50, 3), (100, 4)):
        until(lambda percent=percent: share(s) == percent, what=f"{percent} %")  # type: ignore[misc]
        before = s.members("green")
        machines = s.cloud.machines
        assert isinstance(machines, ProcessMachines)
        machines.faults["*"] = "slow-boot=6"
        scaling = s.cloud.client("autoscaling")
        if what == "a scale-out":
            scaling.update_auto_scaling_group(AutoScalingGroupName="green", DesiredCapacity=size)
        else:
            scaling.set_instance_health(InstanceId=before[0], HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
        until(
            lambda before=before: any(  # type: ignore[misc]
                state == "unhealthy"
                for server, (state, _) in s.health(target_group(s, "green")).items()
                if server not in before
            ),
            what="the new one boots, and is unhealthy",
        )
        until(lambda: rings(s, "unhealthy servers"), what="who counts unhealthy servers is alarmed")
        assert share(s) == percent, "it was still watched"


@pytest.mark.parametrize("what", ["a scale-out", "a replacement"])
def test_servers_that_come_and_go_take_no_release_back(s: Stack, what: str, tmp_path: Path) -> None:
    alarm(s, "unhealthy servers", "UnHealthyHostCount", "IF(requestcount > 0, unhealthyhostcount, 0)", 2)
    few = alarm(s, "few healthy servers", "HealthyHostCount", "IF(requestcount > 0, 2 - healthyhostcount, 0)", 8)
    said, clock = io.StringIO(), RealClock()
    aws = Aws(boto3.Session(s.cloud.access_key, "test", region_name=s.cloud.region))
    context = Context(aws=aws, clock=clock, progress=Progress(clock, stream=said), interrupts=Interrupts())
    given = Options(
        stack="phoenix/dev",
        account=s.cloud.account,
        region=s.cloud.region,
        color="green",
        generation=GENERATION,
        group="green",
        target_group=target_group(s, "green"),
        listener=s.listener,
        preview_rule=rule(s, "1")["RuleArn"],
        traffic=100,
        min_size=2,
        canary_steps=(50,),
        canary_pause_seconds=20,
        settle_seconds=0,
        soak_seconds=20,
        drain_seconds=0,
        replacement_seconds=60,
        alarms=(few,),
    )
    users = Load(url=f"{s.url}/", rate=20, out=tmp_path / "load.jsonl")
    with users, ThreadPoolExecutor(1) as beside:
        disturbing = beside.submit(disturbed, s, what)
        result = promote(given, context)
        disturbing.result()
    assert (share(s), result["weights"]) == (100, {"green": 100, "blue": 0})
    assert "0 moves blind" in said.getvalue()
    assert "production traffic is back" not in said.getvalue()
    assert [request for request in users.requests() if request.failed] == []
