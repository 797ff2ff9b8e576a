"""A small stack on the rehearsal's cloud, built through boto3 as a user would: for the tests of the rehearsal."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.local import free_port

T = TypeVar("T")
GENERATION = "0123456789ab"
SECRET = "preview-secret"


def until(question: Callable[[], T], *, what: str, seconds: float = 60.0) -> T:
    """The first true answer; a generous limit, because a machine under load is slow and not wrong."""
    limit = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > limit:
            raise AssertionError(f"after {seconds} s still not: {what} (last answer {answer!r})")
        time.sleep(0.05)
    return answer


def user_data(*, generation: str = GENERATION, color: str = "green", fault: str = "", port: int = 8080) -> str:
    env = {
        "PHOENIX_SERVICE": "phoenix",
        "PHOENIX_STACK": "dev",
        "PHOENIX_COLOR": color,
        "PHOENIX_GENERATION": generation,
        "PHOENIX_PORT": str(port),
        "PHOENIX_FAULT": f'"{fault}"',
    }
    content = "".join(f"{key}={value}\n" for key, value in env.items())
    files = [{"path": "/etc/phoenix/server.env", "permissions": "0644", "content": content}]
    return "#cloud-config\n" + json.dumps({"write_files": files})


@dataclass
class Stack:
    """A VPC, a load balancer and a listener with a fixed 503; groups of servers are added to it."""

    cloud: Cloud
    vpc: str
    subnets: list[str]
    security_group: str
    balancer: str
    listener: str
    port: int
    image: str

    def fresh(self) -> Stack:
        """The same with a listener of its own, so that tests do not meet each other's rules."""
        port = free_port()
        return replace(self, listener=opened(self.cloud, self.balancer, port), port=port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def target_group(self, name: str, *, interval: int = 5, delay: int = 0, **settings: Any) -> str:
        elbv2 = self.cloud.client("elbv2")
        arn: str = elbv2.create_target_group(
            **{
                "Name": name,
                "Protocol": "HTTP",
                "Port": 8080,
                "VpcId": self.vpc,
                "HealthCheckPath": "/health",
                "HealthCheckIntervalSeconds": interval,
                "HealthCheckTimeoutSeconds": 2,
                "HealthyThresholdCount": 2,
                "UnhealthyThresholdCount": 2,
                **settings,
            }
        )["TargetGroups"][0]["TargetGroupArn"]
        elbv2.modify_target_group_attributes(
            TargetGroupArn=arn,
            Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}],
        )
        return arn

    def rule(self, weights: dict[str, int], *, priority: int = 100, header: str = "") -> str:
        conditions: list[dict[str, Any]] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
        if header:
            config = {"HttpHeaderName": "X-Phoenix-Preview", "Values": [header]}
            conditions = [{"Field": "http-header", "HttpHeaderConfig": config}]
        arn: str = self.cloud.client("elbv2").create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=conditions, Actions=[forward(weights)]
        )["Rules"][0]["RuleArn"]
        return arn

    def template(self, name: str, *, data: str | None = None, image: str = "", **settings: Any) -> str:
        arn: str = self.cloud.client("ec2").create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "ImageId": image or self.image,
                "InstanceType": "t3.small",
                "SecurityGroupIds": [self.security_group],
                "UserData": base64.b64encode((data or user_data()).encode()).decode(),
                **settings,
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        return arn

    def group(
        self, name: str, template: str, *, targets: list[str] | None = None, size: int = 1, **settings: Any
    ) -> str:
        self.cloud.client("autoscaling").create_auto_scaling_group(
            **{
                "AutoScalingGroupName": name,
                "LaunchTemplate": {"LaunchTemplateId": template, "Version": "1"},
                "MinSize": size,
                "MaxSize": max(size, 4),
                "VPCZoneIdentifier": ",".join(self.subnets),
                "TargetGroupARNs": targets or [],
                "HealthCheckType": "ELB",
                "HealthCheckGracePeriod": 100,
                **settings,
            }
        )
        return name

    def describe(self, name: str) -> dict[str, Any] | None:
        groups = self.cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        found: list[dict[str, Any]] = groups["AutoScalingGroups"]
        return found[0] if found else None

    def members(self, name: str, *states: str) -> list[str]:
        found = self.describe(name)
        wanted = states or ("InService",)
        return [i["InstanceId"] for i in (found or {"Instances": []})["Instances"] if i["LifecycleState"] in wanted]

    def activities(self, name: str) -> list[dict[str, Any]]:
        answer = self.cloud.client("autoscaling").describe_scaling_activities(
            AutoScalingGroupName=name, IncludeDeletedGroups=True
        )
        found: list[dict[str, Any]] = answer["Activities"]
        return found

    def health(self, target_group: str) -> dict[str, tuple[str, str | None]]:
        """Target id to state and reason."""
        answer = self.cloud.client("elbv2").describe_target_health(TargetGroupArn=target_group)
        return {
            t["Target"]["Id"]: (t["TargetHealth"]["State"], t["TargetHealth"].get("Reason"))
            for t in answer["TargetHealthDescriptions"]
        }

    def healthy(self, target_group: str) -> list[str]:
        return [target for target, (state, _) in self.health(target_group).items() if state == "healthy"]


def forward(weights: dict[str, int]) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def listen(cloud: Cloud, balancer: str, port: int) -> str:
    arn: str = cloud.client("elbv2").create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=port,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    return arn


def opened(cloud: Cloud, balancer: str, port: int) -> str:
    """A listener that lets in whoever comes: it does so a moment after it is made."""
    arn = listen(cloud, balancer, port)

    def lets_in() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(lets_in, what=f"port {port} open")
    return arn


def bake(cloud: Cloud, name: str = "phoenix-0123456789ab") -> str:
    """An image of our own, as Packer makes it: a build instance from the vendor's base, stopped, imaged, terminated."""
    ec2 = cloud.client("ec2")
    parameter = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
    base = cloud.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    instance = ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1, InstanceType="t3.small")["Instances"][0]
    image: str = ec2.create_image(InstanceId=running(cloud, instance["InstanceId"]), Name=name)["ImageId"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    return image


def running(cloud: Cloud, instance_id: str) -> str:
    def state() -> bool:
        found = cloud.client("ec2").describe_instances(InstanceIds=[instance_id])
        return bool(found["Reservations"][0]["Instances"][0]["State"]["Name"] == "running")

    until(state, what=f"{instance_id} running")
    return instance_id


def stack(cloud: Cloud, *, image: str = "") -> Stack:
    """`image` is what its servers are born from; empty: one that is made for it."""
    ec2, elbv2 = cloud.client("ec2"), cloud.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{cloud.region}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for index, zone in enumerate("ab")
    ]
    security_group = ec2.create_security_group(GroupName="servers", Description="servers", VpcId=vpc)["GroupId"]
    balancer = elbv2.create_load_balancer(Name="phoenix-dev", Subnets=subnets)["LoadBalancers"][0]
    port = free_port()
    return Stack(
        cloud=cloud,
        vpc=vpc,
        subnets=subnets,
        security_group=security_group,
        balancer=balancer["LoadBalancerArn"],
        listener=opened(cloud, balancer["LoadBalancerArn"], port),
        port=port,
        image=image or bake(cloud),
    )


def scaling(s: Stack) -> Any:
    return s.cloud.client("autoscaling")


def in_service(s: Stack, group: str, count: int) -> list[str]:
    return until(
        lambda: found if len(found := s.members(group)) == count else [], what=f"{count} of {group} in service"
    )


def state(s: Stack, instance_id: str) -> str:
    found = s.cloud.client("ec2").describe_instances(InstanceIds=[instance_id])
    name: str = found["Reservations"][0]["Instances"][0]["State"]["Name"]
    return name
