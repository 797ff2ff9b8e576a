"""A small AWS for tests of the steps: moto's, with a balancer on loopback and a clock that only pretends to wait."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
from moto.autoscaling.models import autoscaling_backends
from moto.backends import get_backend

from core import obstacles, server_groups
from core.aws import Aws
from core.progress import Progress
from core.release_events import ReleaseEvent
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.support.remembered import Remembered
from tests.support.serving import serving

ACCOUNT, REGION, STACK, TOKEN = "123456789012", "eu-west-1", "phoenix/test", "s3cret-token"
GREEN, BLUE = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


class FakeClock:
    """Sleeping moves it; `at(seconds, act)` has something happen on the way."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.began = datetime.now(UTC)
        self._events: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return self.passed

    def utc(self) -> datetime:
        return self.began + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        until = self.passed + max(0.0, seconds)
        for event in sorted((one for one in self._events if one[0] <= until), key=lambda one: one[0]):
            self._events.remove(event)
            self.passed = max(self.passed, event[0])
            event[1]()
        self.passed = until

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        self._events.append((seconds, act))


@dataclass
class Says:
    """What the balancer answers: to holders of the token, and to everybody else."""

    status: int = 200
    generation: str | None = None


@dataclass
class Balancer:
    """Plays an ALB: an HTTP server whose answers the test sets."""

    port: int
    preview: Says = field(default_factory=lambda: Says(generation=GREEN))
    production: Says = field(default_factory=lambda: Says(generation=GREEN))
    seen: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def balancer() -> Iterator[Balancer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            playing.seen.append(dict(self.headers))
            says = playing.preview if self.headers.get("X-Phoenix-Preview") == TOKEN else playing.production
            self.send_response(says.status)
            if says.generation:
                self.send_header("X-Phoenix-Generation", says.generation)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with serving(Handler) as port:
        playing = Balancer(port=port)
        yield playing


class Wrapped:
    """A client some of whose calls the test answers itself."""

    def __init__(self, client: Any, **answers: Callable[..., Any]) -> None:
        self._client, self.answers = client, answers

    def __getattr__(self, name: str) -> Any:
        return self.answers.get(name) or getattr(self._client, name)


@dataclass
class Color:
    group: str
    target_group: str


class World:
    """A stack with a load balancer, its preview rule, and groups as the test wants them.

    `health`: target group -> [(server, state, reason, description)]; where it says nothing, every server of the
    group is healthy. `failures`: why launches failed, newest first.
    """

    def __init__(self, session: boto3.Session, port: int) -> None:
        self.aws = Aws(session)
        self.clock = FakeClock()
        self.stderr = io.StringIO()
        self.health: dict[str, list[tuple[str, str, str, str]]] = {}
        self.failures: list[tuple[str, str]] = []
        self.stray = ""
        self.events: list[ReleaseEvent] = []
        ec2, elb = self.aws.ec2, self.aws.elbv2
        self.zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]][:2]
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for n, zone in enumerate(self.zones)
        ]
        balancer_ = elb.create_load_balancer(Name="phoenix", Subnets=self.subnets)["LoadBalancers"][0]
        self.load_balancer = balancer_["LoadBalancerArn"]
        self.listener = self._listen(self.load_balancer, port)
        self.template = ec2.create_launch_template(
            LaunchTemplateName="phoenix",
            LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"},
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.preview_rule = self.production_rule = ""
        if "AWS_ENDPOINT_URL" not in os.environ:
            # Nothing but calls of these changes what they answer: no other process reaches this moto.
            Remembered(elb, self.aws.cloudwatch, self.aws.autoscaling, self.aws.ssm)
        self._wrap()

    def _wrap(self) -> None:
        elb, scaling = self.aws.elbv2, self.aws.autoscaling
        described = elb.describe_load_balancers

        def balancers(**asked: Any) -> Any:
            answer = described(**asked)
            for one in answer["LoadBalancers"]:
                one["DNSName"] = "127.0.0.1"
            return answer

        def health(*, TargetGroupArn: str) -> Any:  # noqa: N803 - boto3's name
            said = self.health.get(TargetGroupArn)
            if said is None:
                said = [(server, "healthy", "", "") for server in self.servers_behind(TargetGroupArn)]
            keys = ("State", "Reason", "Description")
            return {
                "TargetHealthDescriptions": [
                    {"Target": {"Id": one[0]}, "TargetHealth": dict(zip(keys, one[1:], strict=True))} for one in said
                ]
            }

        def activities(**_: Any) -> Any:
            return {
                "Activities": [
                    {
                        "ActivityId": id_,
                        "StatusCode": "Failed",
                        "StatusMessage": text,
                        "Description": "Launching a new EC2 instance",
                    }
                    for id_, text in self.failures
                ]
            }

        def target_groups(**asked: Any) -> Any:
            """moto notes a balancer when a rule is made, and not when one is changed."""
            answer = elb.describe_target_groups(**asked)
            for one in answer["TargetGroups"]:
                one["LoadBalancerArns"] = self._balancers_naming(one["TargetGroupArn"])
            return answer

        self.aws.__dict__["elbv2"] = Wrapped(
            elb, describe_load_balancers=balancers, describe_target_health=health, describe_target_groups=target_groups
        )
        self.aws.__dict__["autoscaling"] = Wrapped(scaling, describe_scaling_activities=activities)

    def context(self) -> Context:
        progress = Progress(self.clock, stream=self.stderr)
        return Context(
            aws=self.aws, clock=self.clock, progress=progress, interrupts=Interrupts(), notify=self.events.append
        )

    def color(
        self, color: str, generation: str, *, size: int = 1, maximum: int = 10, verified: str = "", name: str = ""
    ) -> Color:
        """A group of a color with a target group of its own."""
        name = name or f"{color}-{generation}"
        tags = {"phoenix:stack": STACK, "phoenix:color": color, "phoenix:generation": generation}
        target_group = self.aws.elbv2.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=8080,
            VpcId=self.vpc,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )["TargetGroups"][0]["TargetGroupArn"]
        if verified:
            tags["phoenix:verified"] = verified
        self.aws.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=size,
            MaxSize=maximum,
            DesiredCapacity=size,
            LaunchTemplate={"LaunchTemplateId": self.template, "Version": "1"},
            VPCZoneIdentifier=self.subnets[0],
            TargetGroupARNs=[target_group],
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": False} for key, value in tags.items()],
        )
        return Color(name, target_group)

    def protected(self, *groups: str) -> list[tuple[str, str]]:
        """Has promote protect groups from deletion. Returns the protections that are set from now on, as they come."""
        for name in groups:
            server_groups.tag_group(self.aws, name, {obstacles.GUARDED: "while it serves"})
            autoscaling_backends[ACCOUNT][REGION].autoscaling_groups[name].deletion_protection = "prevent-all-deletion"
        scaling: Any = self.aws.autoscaling
        update, seen = scaling.update_auto_scaling_group, []

        def updated(**asked: Any) -> Any:
            if protection := asked.get("DeletionProtection"):
                name = asked["AutoScalingGroupName"]
                autoscaling_backends[ACCOUNT][REGION].autoscaling_groups[name].deletion_protection = protection
                seen.append((name, protection))
            return update(**asked)

        scaling.answers["update_auto_scaling_group"] = updated
        return seen

    def preview(self, target_group: str) -> str:
        condition = {
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": "X-Phoenix-Preview", "Values": [TOKEN]},
        }
        self.preview_rule = self._rule("preview", 1, condition, {target_group: 1})
        return self.preview_rule

    def production(self, weights: Mapping[str, int]) -> str:
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
        self.production_rule = self._rule("production", 100, condition, weights)
        return self.production_rule

    def elsewhere(self, weights: Mapping[str, int]) -> str:
        """The production rule that another state of the stack has made, on a load balancer of its own."""
        other = self.aws.elbv2.create_load_balancer(Name="elsewhere", Subnets=self.subnets)["LoadBalancers"][0]
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
        return self._rule("production", 100, condition, weights, listener=self._listen(other["LoadBalancerArn"], 80))

    def beside(self, weights: Mapping[str, int], *, kind: str = "production") -> str:
        """A rule on another listener of the load balancer, as there is one while one takes over from the other."""
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
        return self._rule(kind, 100, condition, weights, listener=self.listen())

    def listen(self) -> str:
        """Another listener of the load balancer."""
        there = self.aws.elbv2.describe_listeners(LoadBalancerArn=self.load_balancer)["Listeners"]
        return self._listen(self.load_balancer, 9000 + len(there))

    def _listen(self, balancer: str, port: int) -> str:
        return self.aws.elbv2.create_listener(
            LoadBalancerArn=balancer,
            Port=port,
            Protocol="HTTP",
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )["Listeners"][0]["ListenerArn"]

    def _balancers_naming(self, target_group: str) -> list[str]:
        elb = self.aws.elbv2
        return sorted(
            balancer["LoadBalancerArn"]
            for balancer in elb.describe_load_balancers()["LoadBalancers"]
            for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
            if any(
                target_group in str(rule["Actions"])
                for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            )
        )

    def _rule(self, kind: str, priority: int, condition: Any, weights: Mapping[str, int], *, listener: str = "") -> str:
        groups: Any = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        return self.aws.elbv2.create_rule(
            ListenerArn=listener or self.listener,
            Priority=priority,
            Conditions=[condition],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
            Tags=[{"Key": "phoenix:stack", "Value": STACK}, {"Key": "phoenix:rule", "Value": kind}],
        )["Rules"][0]["RuleArn"]

    def weights(self) -> dict[str, int]:
        """The production rule's weights as AWS has them."""
        rule = self.aws.elbv2.describe_rules(RuleArns=[self.production_rule])["Rules"][0]
        groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {group["TargetGroupArn"]: int(group["Weight"]) for group in groups}

    def scaling(self, name: str) -> Any:
        groups = self.aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return groups["AutoScalingGroups"][0] if groups["AutoScalingGroups"] else None

    def tags(self, arn: str) -> dict[str, str]:
        found = self.aws.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def servers_behind(self, target_group: str) -> list[str]:
        """Asked at each look at a target group's health, so of moto itself and not through boto3."""
        groups = get_backend("autoscaling")[ACCOUNT][REGION].autoscaling_groups.values()
        return [
            server.instance.id
            for group in groups
            if target_group in (group.target_group_arns or ())
            for server in group.instance_states
        ]

    def said(self) -> str:
        return self.stderr.getvalue()
