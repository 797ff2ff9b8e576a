"""What somebody does to a stack by hand, past the program: in the console, or with AWS's command line."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.watch import sample
from tests.cycles import IDENTITY, Group, Stack, until


def set_weights(stack: Stack, weights: Mapping[str, int]) -> None:
    """Gives the production rule these weights, by target group (ARN)."""
    balancing = stack.cloud.client("elbv2")
    [balancer] = balancing.describe_load_balancers()["LoadBalancers"]
    [listener] = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [rule] = [rule for rule in balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
              if rule["Priority"] == "100"]
    balancing.modify_rule(RuleArn=rule["RuleArn"], Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]}}])
    assert sample(stack.cloud.region, IDENTITY).weights == dict(weights)


def delete_group(stack: Stack, group: Group) -> None:
    """Deletes an auto-scaling group with its servers, and waits until it is gone."""
    stack.cloud.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    until(lambda: group.color not in stack.groups(), what=f"{group.name} is gone")


def deregister_image(stack: Stack, group: Group) -> str:
    """Deregisters the image that a group's servers are born from. Returns its id."""
    ec2 = stack.cloud.client("ec2")
    template, _, version = group.template.partition(":")
    [said] = ec2.describe_launch_template_versions(
        LaunchTemplateId=template, Versions=[version])["LaunchTemplateVersions"]
    image = str(said["LaunchTemplateData"]["ImageId"])
    ec2.deregister_image(ImageId=image)
    return image


def deregister_target(stack: Stack, group: Group) -> str:
    """Takes one server of a group out of its target group, and its group's hands off it. Returns its id.

    A group registers its servers by itself, so whoever does this suspends that process (AddToLoadBalancer) first.
    """
    stack.cloud.client("autoscaling").suspend_processes(
        AutoScalingGroupName=group.name, ScalingProcesses=["AddToLoadBalancer"])
    server = min(group.instances)
    stack.cloud.client("elbv2").deregister_targets(TargetGroupArn=group.target_group, Targets=[{"Id": server}])
    return server


def scale(stack: Stack, group: Group, **sizes: int) -> None:
    """Sets sizes of an auto-scaling group (MinSize, MaxSize, DesiredCapacity), as a night schedule does."""
    stack.cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group.name, **sizes)
