"""A network, and a group that has production, in the account of a test."""

from __future__ import annotations

from typing import Any

import boto3

from tests.support.recorder import Existing

LIVE_IMAGE = "ami-0a0a0a0a0a0a0a0a0"


def network(*zones: str) -> tuple[str, list[str]]:
    """A VPC with a subnet in each of these zones of eu-west-1."""
    ec2 = boto3.client("ec2", "eu-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    return vpc, [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("".join(zones))
    ]


def live_group(existing: Existing, color: str, generation: str) -> None:
    """A load balancer whose production rule sends everything to a verified group."""
    elb: Any = boto3.client("elbv2", "eu-west-1")
    vpc, subnets = network("ab")
    tags = [{"Key": "phoenix:stack", "Value": "phoenix/dev"}]
    balancer = elb.create_load_balancer(Name="lb", Subnets=subnets, Tags=tags)["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name=color,
        Protocol="HTTP",
        Port=8080,
        VpcId=vpc,
        Tags=[
            *tags,
            {"Key": "phoenix:color", "Value": color},
            {"Key": "phoenix:generation", "Value": generation},
            {"Key": "phoenix:image", "Value": LIVE_IMAGE},
            {"Key": "phoenix:recipe", "Value": "image=000000000000"},
        ],
    )["TargetGroups"][0]["TargetGroupArn"]
    existing.target_groups[f"phoenix-dev-{color}"] = group
    existing.in_production.append(group)
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": 100}]}}
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])[
        "Listeners"
    ][0]["ListenerArn"]
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=100,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[action],
        Tags=[*tags, {"Key": "phoenix:rule", "Value": "production"}],
    )["Rules"][0]["RuleArn"]
    existing.holds("aws:lb/loadBalancer:LoadBalancer", balancer, tags={"phoenix:stack": "phoenix/dev"})
    existing.holds("aws:lb/listener:Listener", listener)
    existing.holds("aws:lb/listenerRule:ListenerRule", rule, tags={"phoenix:stack": "phoenix/dev"})
    existing.holds("aws:lb/targetGroup:TargetGroup", group)
    existing.holds("aws:autoscaling/group:Group", color)
    template = boto3.client("ec2", "eu-west-1").create_launch_template(
        LaunchTemplateName=color, LaunchTemplateData={"ImageId": LIVE_IMAGE, "InstanceType": "t3.small"}
    )
    scaling: Any = boto3.client("autoscaling", "eu-west-1")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=color,
        MinSize=2,
        MaxSize=4,
        DesiredCapacity=2,
        TargetGroupARNs=[group],
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"},
        VPCZoneIdentifier=",".join(subnets),
        Tags=[{**tag, "PropagateAtLaunch": False} for tag in [*tags, {"Key": "phoenix:verified", "Value": generation}]],
    )


def stands(existing: Existing, name: str, kind: str, **outputs: Any) -> None:
    """A thing of the state."""
    existing.state[f"urn:pulumi:dev::phoenix::{kind}::{name}"] = {"type": kind, "outputs": outputs}
