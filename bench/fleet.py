"""Two colors of any size on the local cloud, as an update leaves them to its steps: blue is live, green is born.

The servers are nothing but one address that answers, so that a thousand of them cost no memory; what there is to know
of them, AWS's own records say.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import images
from core.times import iso
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.local import free_port
from rehearsal.servers import scripted
from rehearsal.servers.machines import Address

SERVICE, STACK, FINGERPRINT = "bench", "bench/calls", "5" * 64
GENERATIONS = {"blue": "bbbbbbbbbbbb", "green": "aaaaaaaaaaaa"}
BASE = "/aws/service/debian/release/12/latest/amd64"
PATIENCE_SECONDS = 300


class OneAddress(scripted.ScriptedMachines):
    """Every server is this address."""

    def __init__(self, where: Address) -> None:
        super().__init__()
        self._where = where

    def address(self, *, instance_id: str, port: int) -> Address | None:
        return self._where


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What a step is told: its options, as the environment variables that the program sets."""

    cloud: Cloud
    port: int
    image: str
    listener: str
    preview_rule: str
    groups: Mapping[str, str]
    target_groups: Mapping[str, str]

    def servers(self, color: str) -> list[str]:
        """Ids of a group's instances."""
        [found] = self.cloud.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.groups[color]]
        )["AutoScalingGroups"]
        return [str(one["InstanceId"]) for one in found["Instances"]]

    def of_plan(self) -> list[str]:
        """Stack, listener, network, and the stack's rules."""
        elb = self.cloud.client("elbv2")
        rules = elb.describe_rules(ListenerArn=self.listener)["Rules"]
        ours = [one["RuleArn"] for one in rules if one["Priority"] in ("1", "100")]
        [group] = elb.describe_target_groups(TargetGroupArns=[self.target_groups["blue"]])["TargetGroups"]
        return [STACK, self.listener, group["VpcId"], *ours]

    def options(self, color: str) -> dict[str, str]:
        """Of any step about a color; each takes those that it knows."""
        known = {
            "stack": STACK,
            "account": self.cloud.account,
            "region": self.cloud.region,
            "service": SERVICE,
            "fingerprint": FINGERPRINT,
            "base_image": "debian-12",
            "live_image": self.image,
            "color": color,
            "generation": GENERATIONS[color],
            "group": self.groups[color],
            "target_group": self.target_groups[color],
            "listener": self.listener,
            "preview_rule": self.preview_rule,
            "min_size": "1",
            "traffic": "100",
            "settle_seconds": "0",
            "soak_seconds": "0",
            "drain_seconds": "0",
        }
        return {f"PHOENIX_{key.upper()}": value for key, value in known.items()}


@contextmanager
def fleet(workdir: Path, *, servers: int) -> Iterator[Fleet]:
    """Both groups with that many servers, all of them healthy."""
    with scripted.target(_answer) as where, Cloud(workdir, machines=OneAddress(where), boot_seconds=0) as cloud:
        # Checked seldom: a thousand servers are checked by one balancer on one machine, beside what is measured.
        yield _healthy(cloud, servers, interval=300)


@contextmanager
def processes(workdir: Path, *, servers: int) -> Iterator[Fleet]:
    """The same with servers that are processes, and do serve."""
    with Cloud(workdir, boot_seconds=0) as cloud:
        yield _healthy(cloud, servers, interval=5)


def _healthy(cloud: Cloud, servers: int, *, interval: int) -> Fleet:
    made = _made(cloud, servers, interval)
    for arn in made.target_groups.values():
        _until_healthy(cloud, arn, servers)
    return made


def _answer(connection: socket.socket) -> None:
    if scripted.head(connection):
        connection.sendall(scripted.ok(headers="Connection: close\r\n"))


def _until_healthy(cloud: Cloud, target_group: str, servers: int) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < limit:
        found = cloud.client("elbv2").describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        if sum(one["TargetHealth"]["State"] == "healthy" for one in found) == servers:
            return
        time.sleep(0.5)
    raise RuntimeError(f"{servers} servers were not healthy within {PATIENCE_SECONDS} s")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What groups of servers stand on."""

    vpc: str
    subnets: list[str]
    image: str
    listener: str
    port: int


def ground(cloud: Cloud) -> Ground:
    """A network, an image, and a load balancer that answers 503."""
    ec2, elb, port = cloud.client("ec2"), cloud.client("elbv2"), free_port()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number * 16}.0/20", AvailabilityZone=f"{cloud.region}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="bench", Subnets=subnets, Tags=_tags({"phoenix:stack": STACK}))
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=port,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    return Ground(vpc=vpc, subnets=subnets, image=_image(cloud), listener=listener, port=port)


def _made(cloud: Cloud, servers: int, interval: int) -> Fleet:
    on = ground(cloud)
    data = {"ImageId": on.image, "InstanceType": "t3.small", "UserData": user_data()}
    template = cloud.client("ec2").create_launch_template(LaunchTemplateName="bench", LaunchTemplateData=data)[
        "LaunchTemplate"
    ]["LaunchTemplateId"]
    target_groups = {color: _target_group(cloud, on.vpc, color, interval) for color in GENERATIONS}
    preview = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Phoenix-Preview", "Values": ["token"]}}
    rule = _rule(cloud, on.listener, "preview", 1, preview, target_groups["green"])
    everything = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
    _rule(cloud, on.listener, "production", 100, everything, target_groups["blue"])
    for color, arn in target_groups.items():
        tags = {"phoenix:stack": STACK, "phoenix:color": color, "phoenix:generation": GENERATIONS[color]}
        cloud.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=color,
            MinSize=servers,
            MaxSize=servers,
            VPCZoneIdentifier=",".join(on.subnets),
            LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
            TargetGroupARNs=[arn],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=3600,
            Tags=[{**tag, "PropagateAtLaunch": True} for tag in _tags(tags)],
        )
    return Fleet(
        cloud=cloud,
        port=on.port,
        image=on.image,
        listener=on.listener,
        preview_rule=rule,
        groups={color: color for color in GENERATIONS},
        target_groups=target_groups,
    )


def user_data(**variables: str) -> str:
    """Base64, as a launch template has it; the variables are the server's environment."""
    content = "".join(
        f"{key}={value}\n" for key, value in {"PHOENIX_PORT": "8080", "PHOENIX_SERVICE": SERVICE, **variables}.items()
    )
    file = {"path": "/etc/phoenix/server.env", "content": content}
    return base64.b64encode(f"#cloud-config\n{json.dumps({'write_files': [file]})}".encode()).decode()


def _image(cloud: Cloud) -> str:
    """As a bake leaves it."""
    ec2, now = cloud.client("ec2"), datetime.now(UTC)
    base = cloud.client("ssm").get_parameter(Name=BASE)["Parameter"]["Value"]
    builder = ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1, InstanceType="t3.small")["Instances"][0]
    while not ec2.describe_instances(
        InstanceIds=[builder["InstanceId"]], Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )["Reservations"]:
        time.sleep(0.05)
    image = str(
        ec2.create_image(InstanceId=builder["InstanceId"], Name=images.name(SERVICE, FINGERPRINT, now))["ImageId"]
    )
    ec2.terminate_instances(InstanceIds=[builder["InstanceId"]])
    ec2.create_tags(
        Resources=[image],
        Tags=_tags(
            images.tags(
                service=SERVICE,
                stack=STACK,
                fingerprint=FINGERPRINT,
                base=base,
                base_name="debian-12",
                commit="0" * 40,
                tree="clean",
                baked_at=iso(now),
            )
        ),
    )
    return image


def _target_group(cloud: Cloud, vpc: str, color: str, interval: int) -> str:
    tags = {"phoenix:stack": STACK, "phoenix:color": color, "phoenix:generation": GENERATIONS[color]}
    return str(
        cloud.client("elbv2").create_target_group(
            Name=f"{STACK.replace('/', '-')}-{color}",
            Protocol="HTTP",
            Port=8080,
            VpcId=vpc,
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=interval,
            HealthCheckTimeoutSeconds=min(120, interval - 1),
            Tags=_tags(tags),
        )["TargetGroups"][0]["TargetGroupArn"]
    )


def _rule(cloud: Cloud, listener: str, kind: str, priority: int, condition: Any, target_group: str) -> str:
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": target_group, "Weight": 100}]}}
    return str(
        cloud.client("elbv2").create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[condition],
            Actions=[forward],
            Tags=_tags({"phoenix:stack": STACK, "phoenix:rule": kind}),
        )["Rules"][0]["RuleArn"]
    )


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
