"""The whole program under mocks: the exact inputs that AWS would get, and those that it must never get."""

from __future__ import annotations

import contextlib
import json
import runpy
from collections import Counter
from typing import Any

import pulumi
import pytest

from core import engine_call
from core.engine_call import Call
from core.release_events import ReleaseEvent
from plan.config import pulumi_config
from tests.support.factories import TOKEN
from tests.support.main_program import CONFIG, PROJECT, first_update, program
from tests.support.recorder import Existing, record, record_main
from tests.unit.program.existing_group import LIVE_IMAGE, live_group


def test_everything_of_a_color_is_replaced_with_its_generation_and_birth() -> None:
    done = first_update()
    group = done.one("aws:autoscaling/group:Group")
    own = [
        resource
        for resource in done.resources
        if "phoenix-dev-blue" in resource.name and "bake" not in resource.name and ":index:" not in resource.type
    ]
    assert len(own) >= 12
    tags = {tag["key"]: tag["value"] for tag in group.inputs["tags"]}
    generation, birth = tags["phoenix:generation"], tags["phoenix:birth"]
    assert {resource.trigger for resource in own} == {f"{generation} {birth}"}
    bake = done.one("command:local:Command", "bake")
    assert (bake.name, bake.trigger) == ("phoenix-dev-blue-image-bake", f"{generation} {birth}")
    assert all(resource.trigger is None for resource in done.resources if "blue" not in resource.name)


def test_no_name_in_the_state_changes_with_the_generation() -> None:
    """Else an update of some targets alone leaves things that hang on what was never made."""
    names = [{resource.name for resource in program(instanceType=kind).resources} for kind in ("t3.small", "t3.large")]
    assert names[0] == names[1]


def test_what_tells_a_bakes_leftovers_from_servers_is_on_no_server() -> None:
    done = first_update()
    template = done.one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    carried = [spec["tags"] for spec in template["tagSpecifications"]] + [
        group.inputs["tags"] for group in done.all("aws:ec2/securityGroup:SecurityGroup")
    ]
    assert len(carried) == 4
    assert not any("phoenix:baked-at" in tags for tags in carried)


def test_the_order_is_announce_then_birth_then_verify_then_promote_then_production() -> None:
    done = first_update()
    assert "phoenix-dev-blue" in done.one("aws:lb/listenerRule:ListenerRule", "preview").depends_on
    assert "phoenix-dev-preview" in done.one("aws:autoscaling/group:Group").depends_on
    assert {"phoenix-dev-blue-group", "phoenix-dev-blue-cpu"} <= done.one("command:local:Command", "retire").depends_on
    assert {"phoenix-dev-blue-out", "phoenix-dev-blue-template"} <= done.one(
        "command:local:Command", "clear"
    ).depends_on
    assert {"phoenix-dev-blue-clear"} <= done.one("aws:autoscaling/group:Group").depends_on
    assert {"phoenix-dev-blue-retire"} <= done.one("command:local:Command", "verify").depends_on
    assert "phoenix-dev-verify" in done.one("command:local:Command", "promote").depends_on
    assert "phoenix-dev-promote" in done.one("aws:lb/listenerRule:ListenerRule", "production").depends_on
    assert "phoenix-dev-production" in done.one("command:local:Command", "prune").depends_on


def test_protect_covers_the_permanent_part_and_nothing_of_a_color() -> None:
    done = program(protect=True, allowedCidrs=["10.0.0.0/8"])
    assert {resource.type.split(":")[-1] for resource in done.resources if resource.protect} == {
        "Bucket",
        "LoadBalancer",
        "Listener",
        "ListenerRule",
    }
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["enableDeletionProtection"] is True


def test_steps_are_constant_commands_that_only_triggers_run_again() -> None:
    commands = first_update().all("command:local:Command")
    lines = {
        command.name.split("-")[-1]: (command.inputs["create"], command.inputs.get("delete")) for command in commands
    }
    assert lines == {
        "bake": ("sh steps/run bake; exit $?", None),
        "verify": ("sh steps/run verify; exit $?", None),
        "promote": ("sh steps/run promote; exit $?", None),
        "prune": ("sh steps/run prune; exit $?", None),
        "retire": (":", "sh steps/run retire; exit $?"),
        "clear": (":", "sh steps/run clear; exit $?"),
        "guard": (":", "sh steps/run guard; exit $?"),
    }
    for command in commands:
        assert command.inputs["update"] == ":"
        assert command.inputs["logging"] == "stderr"
        assert command.inputs["addPreviousOutputInEnv"] is False
        assert "dir" not in command.inputs
        assert TOKEN not in json.dumps(command.inputs)
        assert {name for name in command.inputs["environment"] if not name.startswith("PHOENIX_")} == set()


def test_the_profile_of_the_provider_reaches_the_steps() -> None:
    with pytest.raises(pulumi.RunError, match="AWS could not be asked what is live"):
        record_main(PROJECT, config={**CONFIG, "aws:profile": "nobody"})


def test_alarms_judge_traffic_and_are_quiet_without_it() -> None:
    alarms = {alarm.name: alarm.inputs for alarm in first_update().all("aws:cloudwatch/metricAlarm:MetricAlarm")}
    watched = {
        name: (alarm["metricQueries"][-1]["expression"], alarm["threshold"], alarm["evaluationPeriods"])
        for name, alarm in alarms.items()
    }
    assert watched == {
        "phoenix-dev-blue-5xx": ("100 * FILL(httpcode_target_5xx_count, 0) / requestcount", 5, 1),
        # Two are needed; one may be missing for 340 s, which are 6 minutes, and the one in which it begins.
        "phoenix-dev-blue-few-healthy": ("IF(requestcount > 0, 2 - healthyhostcount, 0)", 0, 7),
        "phoenix-dev-blue-slow": ("IF(requestcount > 100, targetresponsetime, 0)", 5.0, 2),
    }
    assert alarms["phoenix-dev-blue-slow"]["metricQueries"][1]["metric"]["stat"] == "p99"
    for alarm in alarms.values():
        assert alarm["treatMissingData"] == "notBreaching"
        assert [query["returnData"] for query in alarm["metricQueries"]] == [False, False, True]
        assert {key for query in alarm["metricQueries"][:2] for key in query["metric"]["dimensions"]} == {
            "TargetGroup",
            "LoadBalancer",
        }
        assert {
            "metricName",
            "namespace",
            "dimensions",
            "statistic",
            "extendedStatistic",
            "period",
            "evaluateLowSampleCountPercentiles",
        }.isdisjoint(alarm)


def test_the_alarms_limits_are_keys_and_promote_watches_what_there_is() -> None:
    done = program(maxErrorPercent=2, maxResponseMilliseconds=250)
    alarms = {alarm.name: alarm.inputs for alarm in done.all("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms["phoenix-dev-blue-5xx"]["threshold"] == 2
    assert alarms["phoenix-dev-blue-slow"]["threshold"] == 0.25
    assert set(json.loads(done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_ALARMS"])) == set(
        alarms
    )
    without = program(maxResponseMilliseconds=0).all("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {alarm.name for alarm in without} == {"phoenix-dev-blue-5xx", "phoenix-dev-blue-few-healthy"}


def test_as_many_servers_as_the_smallest_group_has_are_needed_and_boots_are_allowed_for() -> None:
    done = program(minSize=3, bootSeconds=600, healthCheckIntervalSeconds=30)
    [alarm] = [one.inputs for one in done.all("aws:cloudwatch/metricAlarm:MetricAlarm") if "healthy" in one.name]
    assert alarm["metricQueries"][-1]["expression"] == "IF(requestcount > 0, 3 - healthyhostcount, 0)"
    assert alarm["evaluationPeriods"] == 15
    assert done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_REPLACEMENT_SECONDS"] == "840"


def test_no_alarm_counts_unhealthy_servers() -> None:
    """Each new one is unhealthy while it boots, in every group that grows."""
    for alarm in first_update().all("aws:cloudwatch/metricAlarm:MetricAlarm"):
        assert "UnHealthyHostCount" not in json.dumps(alarm.inputs)


def test_scaling_sees_each_minute_of_a_server() -> None:
    assert first_update().one("aws:ec2/launchTemplate:LaunchTemplate").inputs["monitoring"] == {"enabled": True}


def test_a_dashboard_is_made_where_it_is_asked_for_and_nowhere_else() -> None:
    kind = "aws:cloudwatch/dashboard:Dashboard"
    assert first_update().all(kind) == []
    dashboard = program(dashboard=True).one(kind)
    assert set(dashboard.inputs) == {"dashboardName", "dashboardBody"}
    assert dashboard.inputs["dashboardName"] == "phoenix-dev"
    assert dashboard.trigger is None
    widgets = json.loads(dashboard.inputs["dashboardBody"])["widgets"]
    assert widgets[0]["properties"]["metrics"][0] == [
        {
            "expression": 'SUM(SEARCH(\'{AWS/ApplicationELB,LoadBalancer,TargetGroup} MetricName="RequestCount"'
            " LoadBalancer=\"suffix/phoenix-dev\" TargetGroup=blue', 'Sum', 60))",
            "label": "blue",
            "color": "#0072B2",
            "id": "blue",
        }
    ]
    assert widgets[-1]["properties"]["alarms"] == [
        f"arn:aws:cloudwatch/metricAlarm:eu-west-1:123456789012:phoenix-dev-blue-{what}"
        for what in ("5xx", "few-healthy", "slow")
    ]


def test_aws_is_told_of_an_update_that_is_planned_and_of_one_that_is_refused_but_of_no_preview(
    existing: Existing, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    frozen: dict[str, Any] = {"freeze": ["2000-01-01/2999-12-31"]}
    told: list[ReleaseEvent] = []

    def runs(operation: str, *, preview: bool) -> list[ReleaseEvent]:
        """A good update, and one that is refused."""
        told.clear()
        monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation=operation))
        monkeypatch.setattr(pulumi_config, "is_preview", lambda: preview)
        program(existing=existing, told=told, active="green")
        with contextlib.suppress(pulumi.RunError):
            program(existing=existing, told=told, active="green", traffic=0, **frozen)
        return list(told)

    planned, refused = runs("up", preview=False)
    assert (planned.kind, planned.color, planned.production) == ("Release Planned", "green", {"blue": 100})
    assert planned.detail()["release"]["generation"] == planned.generation
    assert len(planned.detail()["release"]["fingerprint"]) == 64
    assert (refused.kind, refused.stack) == ("Release Refused", "phoenix/dev")
    assert refused.reason.startswith("PHX-226: freeze = ")
    assert [one.kind for one in runs("up", preview=True)] == ["Release Refused"], "the run before the update decides"
    assert runs("preview", preview=True) == []
    assert runs("destroy", preview=False) == []


def test_a_topic_is_told_by_alarms_and_steps() -> None:
    topic = "arn:aws:sns:eu-west-1:210987654321:releases"
    done = program(notifyTopicArn=topic)
    for alarm in done.all("aws:cloudwatch/metricAlarm:MetricAlarm"):
        assert alarm.inputs["alarmActions"] == [topic]
        assert "okActions" not in alarm.inputs
    for step in ("bake", "verify", "promote"):
        assert done.one("command:local:Command", step).inputs["environment"]["PHOENIX_NOTIFY_TOPIC"] == topic
    without = program()
    assert all("alarmActions" not in one.inputs for one in without.all("aws:cloudwatch/metricAlarm:MetricAlarm"))
    environments = [one.inputs["environment"] for one in without.all("command:local:Command")]
    assert all("PHOENIX_NOTIFY_TOPIC" not in one for one in environments)


def test_the_floor_that_the_bench_measures_beside_makes_the_same() -> None:
    floor = record(
        lambda: runpy.run_path(str(PROJECT / "bench" / "floor")),
        project="floor",
        config={"floor:image": LIVE_IMAGE, "floor:listenerPort": "8080", "floor:token": TOKEN},
    )
    ours, theirs = (
        Counter(one.type for one in made.resources if one.type.startswith("aws:"))
        for made in (program(dashboard=True), floor)
    )
    assert ours == theirs


def test_idle_timeout_and_slow_start_are_what_aws_does_without_them() -> None:
    done = program()
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["idleTimeout"] == 60
    assert done.one("aws:lb/targetGroup:TargetGroup").inputs["slowStart"] == 0
    done = program(idleTimeoutSeconds=4000, slowStartSeconds=900)
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["idleTimeout"] == 4000
    group = done.one("aws:lb/targetGroup:TargetGroup").inputs
    assert (group["slowStart"], group["loadBalancingAlgorithmType"]) == (900, "round_robin")


def test_scaling_is_by_cpu_by_requests_by_both_or_by_none() -> None:
    def policies(**keys: Any) -> dict[str, Any]:
        done = program(**keys)
        found = done.all("aws:autoscaling/policy:Policy")
        assert {one.name for one in found} <= done.one("command:local:Command", "retire").depends_on
        return {one.name.removeprefix("phoenix-dev-blue-"): one.inputs["targetTrackingConfiguration"] for one in found}

    cpu = {"predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"}, "targetValue": 50}
    both = policies(requestsPerServer=3000)
    assert both["cpu"] == policies()["cpu"] == cpu
    assert both["requests"]["targetValue"] == 3000
    metric = both["requests"]["predefinedMetricSpecification"]
    assert metric["predefinedMetricType"] == "ALBRequestCountPerTarget"
    assert metric["resourceLabel"] == "suffix/phoenix-dev/suffix/phoenix-dev-blue", "of load balancer and target group"
    assert list(policies(targetCpuPercent=0, requestsPerServer=3000)) == ["requests"]
    assert policies(targetCpuPercent=0) == {}
