"""What somebody set on a group is named at once by whoever would wait for it, with what to type against it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from core import obstacles, server_groups
from core.errors import StepError
from core.obstacles import GROW, SHRINK, VANISH
from plan.readers import group_automation
from steps.cleanup import sweep
from steps.cleanup.retire import Options, retire
from steps.promote.capacity import wait_healthy
from steps.verify import group_health
from steps.verify.group_health import GroupSnapshot
from steps.verify.lifecycle_hooks import holding
from tests.support.factories import group, reads
from tests.unit.steps.cloud import ACCOUNT, BLUE, GREEN, REGION, STACK, Color, World, balancer


@pytest.fixture
def world() -> Iterator[World]:
    with balancer() as alb, mock_aws():
        yield World(boto3.Session("testing", "testing", region_name=REGION), alb.port)


def suspended(*processes: str) -> dict[str, Any]:
    return {"SuspendedProcesses": [{"ProcessName": one, "SuspensionReason": "User suspended"} for one in processes]}


def servers(*states: str) -> dict[str, Any]:
    return {
        "Instances": [{"InstanceId": f"i-{number}", "LifecycleState": state} for number, state in enumerate(states)]
    }


@pytest.mark.parametrize(
    ("about", "bars", "what", "do"),
    [
        (
            suspended("Launch"),
            {GROW},
            "the process Launch of g is suspended: no server is launched",
            "resume-processes --auto-scaling-group-name g --scaling-processes Launch",
        ),
        (suspended("Terminate"), {SHRINK}, "no server is ended", "--scaling-processes Terminate"),
        (suspended("AddToLoadBalancer"), {GROW}, "no server is registered with the load balancer", "AddToLoadBalancer"),
        (suspended("HealthCheck"), set(), "a sick server is not noticed", "HealthCheck"),
        (suspended("ReplaceUnhealthy"), set(), "a sick server is not replaced", "ReplaceUnhealthy"),
        (suspended("AlarmNotification"), set(), "no scaling policy counts", "AlarmNotification"),
        (suspended("SomethingNew"), set(), "the process SomethingNew of g is suspended", "SomethingNew"),
        (
            servers("InService", "Standby", "EnteringStandby"),
            {GROW, SHRINK},
            "i-1, i-2 of g in Standby",
            "exit-standby --auto-scaling-group-name g --instance-ids i-1 i-2",
        ),
        (
            {"DeletionProtection": "prevent-all-deletion"},
            {SHRINK, VANISH},
            "protected from deletion",
            "update-auto-scaling-group --auto-scaling-group-name g --deletion-protection none",
        ),
        (
            {"DeletionProtection": "prevent-force-deletion"},
            {VANISH},
            "(prevent-force-deletion)",
            "--deletion-protection",
        ),
        (
            {"WarmPoolConfiguration": {"MinSize": 1}},
            {SHRINK},
            "g has a warm pool",
            "delete-warm-pool --auto-scaling-group-name g --force-delete",
        ),
    ],
)
def test_each_obstacle_says_what_it_bars_and_what_to_type(
    about: dict[str, Any], bars: set[str], what: str, do: str
) -> None:
    [one] = obstacles.find_obstacles({"AutoScalingGroupName": "g", **about})
    assert one.bars == bars
    assert what in one.what
    assert one.do.startswith("aws autoscaling ")
    assert do in one.do


def test_an_ordinary_group_has_none() -> None:
    ordinary = {**suspended(), **servers("InService", "Pending", "Terminating"), "DeletionProtection": "none"}
    assert obstacles.find_obstacles({"AutoScalingGroupName": "g", **ordinary}) == ()


def test_a_birth_that_no_time_brings_about_fails_at_once() -> None:
    barred = obstacles.find_obstacles({"AutoScalingGroupName": "g", **suspended("Launch")})
    look = GroupSnapshot(elapsed=0, limit=900, needed=2, launched=0, targets=(), obstacles=barred)
    verdict = group_health.verdict(look)
    assert verdict.failure is not None
    assert verdict.failure.what.startswith("the group can't get its servers: the process Launch of g is suspended")
    assert "--scaling-processes Launch" in verdict.failure.fix
    up = tuple(server_groups.Target(id=f"i-{number}", state="initial") for number in range(2))
    waits = GroupSnapshot(elapsed=0, limit=900, needed=2, launched=2, targets=up, obstacles=barred)
    assert group_health.verdict(waits) == group_health.Verdict(), (
        "the servers are there: only their health is waited for"
    )


def test_servers_that_a_hook_holds_are_named_with_what_lets_them_go(world: World) -> None:
    color = world.color("green", GREEN, size=1)
    assert holding(world.aws, server_groups.read_group(world.aws, color.group)) is None
    world.aws.autoscaling.put_lifecycle_hook(
        LifecycleHookName="org-agent",
        AutoScalingGroupName=color.group,
        HeartbeatTimeout=1800,
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )
    [server] = world.servers_behind(color.target_group)
    state(world, color, "Pending:Wait")
    held = holding(world.aws, server_groups.read_group(world.aws, color.group))
    assert held is not None
    assert f"{server} in Pending:Wait, held by org-agent (for up to 1800 s)" in held.what
    assert held.do == (
        f"aws autoscaling complete-lifecycle-action --auto-scaling-group-name {color.group} --lifecycle-hook-name"
        f" org-agent --instance-id {server} --lifecycle-action-result CONTINUE"
    )
    late = GroupSnapshot(elapsed=900, limit=900, needed=1, launched=1, targets=(), held=held)
    failure = group_health.verdict(late).failure
    assert failure is not None and failure.what.startswith("servers were still held after 900 s: ")
    assert failure.fix == held.do


def state(world: World, color: Color, wanted: str) -> None:
    """Every server of the group is in this state of its life."""
    described = world.aws.autoscaling.describe_auto_scaling_groups

    def groups(**asked: Any) -> Any:
        answer: Any = described(**asked)
        for one in answer["AutoScalingGroups"]:
            for server in one["Instances"] if one["AutoScalingGroupName"] == color.group else []:
                server["LifecycleState"] = wanted
        return answer

    world.aws.autoscaling.answers["describe_auto_scaling_groups"] = groups  # type: ignore[attr-defined]


def test_a_promotion_that_needs_more_servers_than_can_come_says_so_at_once(world: World) -> None:
    color = world.color("green", GREEN, size=1)
    world.aws.autoscaling.suspend_processes(AutoScalingGroupName=color.group, ScalingProcesses=["Launch"])
    with pytest.raises(StepError) as error:
        wait_healthy(
            world.context(), color.target_group, 2, "green", group=server_groups.read_group(world.aws, color.group)
        )
    assert f"{color.group} can't get the servers that it needs for the traffic" in str(error.value)
    assert f"resume-processes --auto-scaling-group-name {color.group} --scaling-processes Launch" in str(error.value)
    assert world.clock.passed == 0


def test_a_group_that_would_not_end_is_not_begun_with(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    world.production({green.target_group: 100})
    world.aws.autoscaling.suspend_processes(AutoScalingGroupName=blue.group, ScalingProcesses=["Terminate", "Launch"])
    given = Options(
        stack=STACK,
        account=ACCOUNT,
        region=REGION,
        color="blue",
        group=blue.group,
        target_group=blue.target_group,
        listener=world.listener,
    )
    with pytest.raises(StepError) as error:
        retire(given, world.context())
    assert f"{blue.group} (blue) gets no production traffic, and can't be deleted" in str(error.value)
    assert f"resume-processes --auto-scaling-group-name {blue.group} --scaling-processes Terminate" in str(error.value)
    assert "no server is launched" not in str(error.value)
    world.aws.autoscaling.resume_processes(AutoScalingGroupName=blue.group, ScalingProcesses=["Terminate"])
    assert retire(given, world.context()) == {"retired": blue.group}


def test_what_a_failed_attempt_left_and_somebody_protected_is_told(world: World) -> None:
    dead = world.color("green", GREEN)
    protected = server_groups.Group(
        **{
            **server_groups.read_group(world.aws, dead.group).__dict__,
            "obstacles": obstacles.find_obstacles(
                {"AutoScalingGroupName": dead.group, "DeletionProtection": "prevent-force-deletion"}
            ),
        }
    )
    with pytest.raises(StepError, match="which a failed attempt left, can't be deleted"):
        sweep.delete(world.aws, [protected], world.context().progress, listener=world.listener)
    assert world.scaling(dead.group)


def test_what_acts_on_the_live_groups_beside_the_program_is_told() -> None:
    scaling = boto3.client("autoscaling", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    name = {"AutoScalingGroupName": "phoenix-dev-blue-1"}
    at = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    with Stubber(scaling) as stub:
        stub.add_response(
            "describe_lifecycle_hooks",
            {
                "LifecycleHooks": [
                    {
                        "LifecycleHookName": "drain-logs",
                        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                        "HeartbeatTimeout": 600,
                    }
                ]
            },
            name,
        )
        stub.add_response(
            "describe_scheduled_actions",
            {
                "ScheduledUpdateGroupActions": [
                    {
                        "ScheduledActionName": "night",
                        "MinSize": 0,
                        "DesiredCapacity": 0,
                        "StartTime": at,
                        "Recurrence": "0 22 * * *",
                    }
                ]
            },
            name,
        )
        stub.add_response(
            "describe_instance_refreshes",
            {"InstanceRefreshes": [{"Status": "InProgress", "PercentageComplete": 40}, {"Status": "Successful"}]},
            {**name, "MaxRecords": 10},
        )
        hook, night, refresh = group_automation.find_automation(
            reads(scaling), [group("blue"), group("green", name="")]
        )
    assert "the lifecycle hook drain-logs of phoenix-dev-blue-1 may hold each server that is ended, for 600 s" in hook
    assert (
        "the scheduled action night sets MinSize 0, DesiredCapacity 0 of phoenix-dev-blue-1 at 2026-11-24 22:00"
        " UTC, and by '0 22 * * *' again"
    ) in night
    assert "delete-scheduled-action --auto-scaling-group-name phoenix-dev-blue-1 --scheduled-action-name night" in night
    assert "an instance refresh replaces the servers of phoenix-dev-blue-1 (InProgress, 40 %)" in refresh


def test_the_protection_that_promote_has_set_is_no_obstacle_and_a_persons_is() -> None:
    by_hand = {"AutoScalingGroupName": "g", "DeletionProtection": "prevent-all-deletion"}
    ours = {**by_hand, "Tags": [{"Key": obstacles.GUARDED, "Value": "while it serves"}]}
    assert (obstacles.is_guarded(by_hand), obstacles.is_guarded(ours)) == (False, True)
    assert len(obstacles.find_obstacles(by_hand)) == 1
    assert obstacles.find_obstacles(ours) == ()
    assert not obstacles.is_guarded({**ours, "DeletionProtection": "none"})
