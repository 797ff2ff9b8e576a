"""Servers that somebody made by hand, behind a load balancer of theirs, on the local cloud: a stack is to take over."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine, choose
from rehearsal.engine.config import flatten
from rehearsal.scenario.load import Load, Request
from rehearsal.scenario.local import environment, free_port
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.watch import InvariantWatch, sample
from tests.cycles.stack import QUICK, until
from tests.rehearsal.boto3_stack import bake, forward, opened, running, user_data

# Not the stack whose file the project has.
STACK, IDENTITY = "moved", "phoenix/moved"
HOST, ALIAS = "shop.example.com", "www.shop.example.com"
SNOWFLAKES = ("snowflake001", "snowflake002", "snowflake003")
# Each was patched on another day: another port, another type.
PORTS, TYPES = (8080, 8081, 9000), ("t3.small", "t3.medium", "m5.large")


class OldWorld:
    """A context manager: three servers that differ, two rules that lead users to them, and users who never stop.

    `engine`: of a stack that adopts their listener. `old`: their target group.
    """

    def __init__(self, workdir: Path, *, stand_in: bool) -> None:
        self._workdir, self._stand_in, self.port = workdir, stand_in, free_port()
        self._changes = 0

    def __enter__(self) -> OldWorld:
        self.shop = ProjectCopy(self._workdir / "project")
        with ExitStack() as opening:
            self.cloud = opening.enter_context(Cloud(self._workdir / "cloud", boot_seconds=2, time_scale=0.1))
            self._network()
            self._servers()
            self.engine = self._engine()
            self.watch = opening.enter_context(
                InvariantWatch(self.cloud.region, IDENTITY, others=frozenset({self.old}))
            )
            out = self._workdir / "load.jsonl"
            url = f"http://127.0.0.1:{self.port}/"
            self._load = opening.enter_context(Load(url=url, rate=20, out=out, headers={"Host": HOST}))
            until(lambda: bool(self._load.requests()), what="a request answered")
            self._exits = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def _network(self) -> None:
        ec2 = self.cloud.client("ec2")
        self._vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self._subnets = [
            ec2.create_subnet(VpcId=self._vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")[
                "Subnet"
            ]["SubnetId"]
            for number, zone in enumerate("abab")
        ]
        firewall = ec2.create_security_group(GroupName="edge", Description="edge", VpcId=self._vpc)["GroupId"]
        elbv2 = self.cloud.client("elbv2")
        [balancer] = elbv2.create_load_balancer(Name="edge", Subnets=self._subnets[:2], SecurityGroups=[firewall])[
            "LoadBalancers"
        ]
        self._listener = opened(self.cloud, balancer["LoadBalancerArn"], self.port)

    def _servers(self) -> None:
        ec2, elbv2 = self.cloud.client("ec2"), self.cloud.client("elbv2")
        self.old: str = elbv2.create_target_group(
            Name="legacy", Protocol="HTTP", Port=8080, VpcId=self._vpc, HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        image = bake(self.cloud, "golden-of-2019")
        self._instances = []
        for name, port, kind in zip(SNOWFLAKES, PORTS, TYPES, strict=True):
            data = user_data(generation=name, color="", port=port)
            one = ec2.run_instances(
                ImageId=image, MinCount=1, MaxCount=1, InstanceType=kind, UserData=data, SubnetId=self._subnets[2]
            )["Instances"][0]["InstanceId"]
            self._instances.append(running(self.cloud, one))
            elbv2.register_targets(TargetGroupArn=self.old, Targets=[{"Id": one, "Port": port}])
        for priority, conditions in (
            (20, [_asks("host-header", HOST), _asks("path-pattern", "/api/*")]),
            (30, [_asks("host-header", HOST, ALIAS)]),
        ):
            elbv2.create_rule(
                ListenerArn=self._listener, Priority=priority, Conditions=conditions, Actions=[forward({self.old: 1})]
            )
        until(lambda: self.healthy() == len(SNOWFLAKES), what="three healthy servers")

    def _engine(self) -> Engine:
        return choose(
            self.shop.folder,
            STACK,
            self._workdir / "engine",
            environment(self.cloud),
            {
                **QUICK,
                "aws:region": "eu-west-1",
                "aws:skipCredentialsValidation": True,
                "aws:skipMetadataApiCheck": True,
                "active": "blue",
                "baseImage": "debian-12",
                "targetCpuPercent": 0,
                "healthCheckIntervalSeconds": 5,
                "canarySteps": [10],
                "listenerArn": self._listener,
                "takeOverTargetGroup": self.old,
                "rulePriority": 10,
                "hostname": HOST,
                "vpcId": self._vpc,
                "albSubnetIds": self._subnets[:2],
                "serverSubnetIds": self._subnets[2:],
            },
            secrets={"previewToken": secrets.token_urlsafe(24)},
            stand_in=self._stand_in,
        )

    def set(self, **keys: Any) -> None:
        for key, value in keys.items():
            for path, text in flatten(key, value):
                self.engine.config_set(path, text, path=path != key)

    def unset(self, key: str) -> None:
        """`pulumi config rm`."""
        file = self.shop.folder / f"Pulumi.{STACK}.yaml"
        said = yaml.safe_load(file.read_text())
        del said["config"][f"phoenix:{key}"]
        file.write_text(yaml.safe_dump(said, sort_keys=False))

    def change(self) -> None:
        """A change of the scripts."""
        self._changes += 1
        script = self.shop.folder / "image" / "provision" / f"4{self._changes}-change.sh"
        script.write_text(f"#!/bin/sh\necho {self._changes}\n")
        script.chmod(0o755)
        self.shop.commit(f"Change {self._changes}")

    def healthy(self) -> int:
        found = self.cloud.client("elbv2").describe_target_health(TargetGroupArn=self.old)["TargetHealthDescriptions"]
        return sum(one["TargetHealth"]["State"] == "healthy" for one in found)

    def weights(self) -> dict[str, int]:
        """Of the stack's production rule, by color; the old target group is `old`."""
        found = sample(self.cloud.region, IDENTITY).weights
        return {"old" if arn == self.old else arn.split("/")[1].split("-")[2]: share for arn, share in found.items()}

    def seen(self) -> dict[str, Any]:
        """All that was there before the stack: rules, target group and servers, with all that is in them."""
        elbv2, ec2 = self.cloud.client("elbv2"), self.cloud.client("ec2")
        rules = elbv2.describe_rules(ListenerArn=self._listener)["Rules"]
        tags = elbv2.describe_tags(ResourceArns=[one["RuleArn"] for one in rules if not one["IsDefault"]])
        ours = {one["ResourceArn"] for one in tags["TagDescriptions"] if one["Tags"]}
        servers = ec2.describe_instances(InstanceIds=self._instances)["Reservations"]
        targets = elbv2.describe_target_health(TargetGroupArn=self.old)["TargetHealthDescriptions"]
        [group] = elbv2.describe_target_groups(TargetGroupArns=[self.old])["TargetGroups"]
        # moto names the load balancer once for each rule that was ever made; AWS names it once.
        group["LoadBalancerArns"] = sorted(set(group["LoadBalancerArns"]))
        found: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "rules": [one for one in rules if one["RuleArn"] not in ours],
                    "group": group,
                    "attributes": elbv2.describe_target_group_attributes(TargetGroupArn=self.old)["Attributes"],
                    "targets": [one["Target"] for one in targets],
                    "servers": [one for lot in servers for one in lot["Instances"]],
                },
                default=str,
                sort_keys=True,
            )
        )
        return found

    def requests(self, since: float = 0) -> list[Request]:
        return [request for request in self._load.requests() if request.t >= since]

    def answers(self, *, seconds: float = 1.5) -> Set[str]:
        """Who answers users from now on."""
        begun = time.time()
        time.sleep(seconds)
        return {one.generation for one in self.requests(begun)}


def _asks(field: str, *values: str) -> dict[str, Any]:
    config = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}[field]
    return {"Field": field, config: {"Values": list(values)}}
