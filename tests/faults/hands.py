"""What somebody does to a stack by hand, past the program: in the console, or with AWS's command line."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.scenario.watch import sample
from tests.cycles.stack import IDENTITY, Group, Stack, until


def set_weights(stack: Stack, weights: Mapping[str, int]) -> None:
    """Gives the production rule these weights, by target group (ARN)."""
    balancing = stack.cloud.client("elbv2")
    [balancer] = balancing.describe_load_balancers()["LoadBalancers"]
    [listener] = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [rule] = [
        rule
        for rule in balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        if rule["Priority"] == "100"
    ]
    balancing.modify_rule(
        RuleArn=rule["RuleArn"],
        Actions=[
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
                },
            }
        ],
    )
    assert sample(stack.cloud.region, IDENTITY).weights == dict(weights)


def delete_group(stack: Stack, group: Group) -> None:
    """Deletes an auto-scaling group with its servers, and waits until it is gone."""
    stack.cloud.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    until(lambda: group.color not in stack.groups(), what=f"{group.name} is gone")


def deregister_image(stack: Stack, group: Group) -> str:
    """Deregisters the image that a group's servers are born from. Returns its id."""
    ec2 = stack.cloud.client("ec2")
    template, _, version = group.template.partition(":")
    [said] = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])[
        "LaunchTemplateVersions"
    ]
    image = str(said["LaunchTemplateData"]["ImageId"])
    ec2.deregister_image(ImageId=image)
    return image


def deregister_target(stack: Stack, group: Group) -> str:
    """Takes one server of a group out of its target group, and its group's hands off it. Returns its id.

    A group registers its servers by itself, so whoever does this suspends that process (AddToLoadBalancer) first.
    """
    stack.cloud.client("autoscaling").suspend_processes(
        AutoScalingGroupName=group.name, ScalingProcesses=["AddToLoadBalancer"]
    )
    server = min(group.instances)
    stack.cloud.client("elbv2").deregister_targets(TargetGroupArn=group.target_group, Targets=[{"Id": server}])
    return server


def scale(stack: Stack, group: Group, **sizes: int) -> None:
    """Sets sizes of an auto-scaling group (MinSize, MaxSize, DesiredCapacity), as a night schedule does."""
    stack.cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group.name, **sizes)


def replace(stack: Stack, group: Group) -> str:
    """Has a group replace one of its servers, which drains first. Returns its id."""
    server = min(group.instances)
    stack.cloud.client("autoscaling").set_instance_health(
        InstanceId=server, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
    )
    return server


def suspend(stack: Stack, group: Group, *processes: str) -> None:
    """Suspends processes of an auto-scaling group."""
    stack.cloud.client("autoscaling").suspend_processes(
        AutoScalingGroupName=group.name, ScalingProcesses=list(processes)
    )


def resume(stack: Stack, group: Group, *processes: str) -> None:
    """Lets an auto-scaling group do again what was suspended."""
    stack.cloud.client("autoscaling").resume_processes(
        AutoScalingGroupName=group.name, ScalingProcesses=list(processes)
    )


def protect(stack: Stack, group: Group) -> None:
    """Protects the servers that a group has from scale-in."""
    stack.cloud.client("autoscaling").set_instance_protection(
        AutoScalingGroupName=group.name, InstanceIds=sorted(group.instances), ProtectedFromScaleIn=True
    )


def put_aside(stack: Stack, group: Group) -> str:
    """Puts one server of a group into Standby, to look at it; the group launches another. Returns its id."""
    server = min(group.instances)
    stack.cloud.client("autoscaling").enter_standby(
        AutoScalingGroupName=group.name, InstanceIds=[server], ShouldDecrementDesiredCapacity=False
    )
    return server


def bring_back(stack: Stack, group: Group, server: str) -> None:
    """Ends the Standby of a server, as the command in the step's message does."""
    stack.cloud.client("autoscaling").exit_standby(AutoScalingGroupName=group.name, InstanceIds=[server])


def hook(stack: Stack, group: Group, name: str) -> None:
    """Puts a lifecycle hook on each server that the group launches from now on."""
    stack.cloud.client("autoscaling").put_lifecycle_hook(
        LifecycleHookName=name,
        AutoScalingGroupName=group.name,
        HeartbeatTimeout=7200,
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )


def complete(stack: Stack, group: Group, hook: str, server: str) -> None:
    """Completes a hook's action, as the command in the step's message does."""
    stack.cloud.client("autoscaling").complete_lifecycle_action(
        AutoScalingGroupName=group.name, LifecycleHookName=hook, InstanceId=server, LifecycleActionResult="CONTINUE"
    )
