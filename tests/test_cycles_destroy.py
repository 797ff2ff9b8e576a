"""`pulumi destroy` leaves nothing in the account but the images, whatever the stack was in the middle of."""

from __future__ import annotations

from typing import Any

from components.color import other
from tests.cycles import Stack, stack, stage

__all__ = ["stack", "stage"]


def left(stack: Stack) -> list[str]:
    """What stands in the cloud, the account's own default things and images left out."""
    client = stack.cloud.client
    ec2, balancing, iam = client("ec2"), client("elbv2"), client("iam")
    listed: list[tuple[list[Any], str]] = [
        (client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"], "AutoScalingGroupName"),
        (client("autoscaling").describe_policies()["ScalingPolicies"], "PolicyName"),
        (balancing.describe_load_balancers()["LoadBalancers"], "LoadBalancerName"),
        (balancing.describe_target_groups()["TargetGroups"], "TargetGroupName"),
        (ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateName"),
        ([group for group in ec2.describe_security_groups()["SecurityGroups"] if group["GroupName"] != "default"],
         "GroupName"),
        ([vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]], "VpcId"),
        (ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"),
        ([instance for reservation in ec2.describe_instances()["Reservations"]
          for instance in reservation["Instances"]
          if instance["State"]["Name"] not in ("terminated", "shutting-down")], "InstanceId"),
        (iam.list_roles()["Roles"], "RoleName"),
        (iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"),
        (client("cloudwatch").describe_alarms()["MetricAlarms"], "AlarmName"),
    ]
    return [item[key] for items, key in listed for item in items]


def test_a_live_stack_is_destroyed(stack: Stack) -> None:
    stack.destroy()
    assert left(stack) == []


def test_a_stack_with_a_held_canary_is_destroyed(stack: Stack) -> None:
    [live] = stack.groups().values()
    stack.change()
    stack.set(active=other(live.color), traffic=10)
    stack.up()
    assert len(stack.groups()) == 2
    stack.destroy()
    assert left(stack) == []


def test_a_stack_after_a_failed_birth_is_destroyed(stack: Stack) -> None:
    [live] = stack.groups().values()
    stack.set(active=other(live.color))
    stack.ill("answers-500")
    assert "was not born" in stack.refused()
    assert len(stack.groups()) == 2
    stack.destroy()
    assert left(stack) == []
