"""`pulumi destroy` leaves nothing in the account but the images, whatever the stack was in the middle of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cycles.stack import CALM, Stack
from tests.faults.points import killed_at
from tests.faults.trial import Trial

pytestmark = pytest.mark.parametrize("trial", ["forward"], indirect=True)


def left(stack: Stack) -> list[str]:
    """What stands in the cloud, but for images, the account's default things, and alarms about users' own metrics."""
    client = stack.cloud.client
    ec2, balancing, iam = client("ec2"), client("elbv2"), client("iam")
    listed: list[tuple[list[Any], str]] = [
        (client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"], "AutoScalingGroupName"),
        (client("autoscaling").describe_policies()["ScalingPolicies"], "PolicyName"),
        (balancing.describe_load_balancers()["LoadBalancers"], "LoadBalancerName"),
        (balancing.describe_target_groups()["TargetGroups"], "TargetGroupName"),
        (ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateName"),
        (
            [group for group in ec2.describe_security_groups()["SecurityGroups"] if group["GroupName"] != "default"],
            "GroupName",
        ),
        ([vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]], "VpcId"),
        (ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"),
        (
            [
                instance
                for reservation in ec2.describe_instances()["Reservations"]
                for instance in reservation["Instances"]
                if instance["State"]["Name"] not in ("terminated", "shutting-down")
            ],
            "InstanceId",
        ),
        (iam.list_roles()["Roles"], "RoleName"),
        (iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"),
        (
            [
                alarm
                for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]
                if alarm["Namespace"].startswith("AWS/")
            ],
            "AlarmName",
        ),
        (client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"], "AlarmName"),
        (client("events").list_rules()["Rules"], "Name"),
        (client("ssm").list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"], "Name"),
        (client("scheduler").list_schedules()["Schedules"], "Name"),
    ]
    return [item[key] for items, key in listed for item in items]


def gone(trial: Trial) -> None:
    trial.stack.destroy()
    assert left(trial.stack) == []


def ends(trial: Trial) -> None:
    """Everything goes, and the next update gives birth from nothing."""
    stack = trial.stack
    gone(trial)
    stack.set(**CALM)
    trial.up()
    [born] = stack.groups().values()
    assert stack.weights() == {born.color: 100}
    assert stack.ask() == born.generation
    trial.ended = True


@pytest.mark.representative
def test_destroyed_while_live(trial: Trial) -> None:
    ends(trial)


@pytest.mark.parametrize("share", [0, 10])
def test_destroyed_with_the_new_group_held(trial: Trial, share: int) -> None:
    """In pre-production, and as a canary."""
    trial.change(traffic=share)
    trial.up()
    assert len(trial.stack.groups()) == 2
    ends(trial)


def test_destroyed_with_the_previous_group_kept(trial: Trial) -> None:
    trial.change(keepPrevious=True)
    trial.up()
    assert trial.stack.weights() == {trial.live.color: 0, trial.new: 100}
    ends(trial)


def test_destroyed_in_a_guard(trial: Trial) -> None:
    trial.change(guardHours=1)
    trial.up()
    assert trial.stack.weights() == {trial.live.color: 0, trial.new: 100}
    assert trial.stack.cloud.client("events").list_rules(NamePrefix="phoenix-local-")["Rules"]
    ends(trial)


def test_destroyed_after_a_failed_birth(trial: Trial) -> None:
    trial.ill("answers-500")
    trial.refused("was not verified; production was not touched")
    assert len(trial.stack.groups()) == 2
    ends(trial)


@pytest.mark.parametrize("point", ["birth", "canary 10", "production rule", "deletes"])
def test_destroyed_after_a_kill(trial: Trial, point: str) -> None:
    """With the step killed too. Of a birth the state does not know the group that AWS has."""
    killed_at(trial, point)
    assert trial.stack.engine.cancel().ok
    ends(trial)


def test_destroyed_after_the_first_birth_was_killed(trial: Trial) -> None:
    """Neither the state nor any rule knows the only group there is."""
    gone(trial)
    killed_at(trial, "birth")
    assert trial.stack.engine.cancel().ok
    ends(trial)


def test_destroyed_after_the_first_birth_failed(trial: Trial) -> None:
    """Nobody has ever been live then, and there is no production rule."""
    gone(trial)
    trial.stack.set(**CALM)
    trial.stack.ill("answers-500")
    trial.fails(trial.begin(), "was not verified")
    ends(trial)
