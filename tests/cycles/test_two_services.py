"""Services that share a load balancer, on the local cloud: each is born, flips and ends without the others' notice."""

from __future__ import annotations

import secrets
import shutil
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal import PROJECT
from rehearsal.cloud.calls import Calls
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine, choose
from rehearsal.scenario.local import environment, free_port
from rehearsal.scenario.project_copy import ProjectCopy
from tests.cycles.stack import ENGINES, QUICK
from tests.support.deployer import Deployer, make_bounds

HOSTS = {"shop": "shop.example.com", "blog": "blog.example.com", "wiki": "wiki.example.com"}
STACKS = {"shop": "shop/local", "blog": "blog/local", "wiki": "phoenix/wiki"}
SMALL = {
    **QUICK,
    "minSize": 1,
    "maxSize": 2,
    "canarySteps": [],
    "targetCpuPercent": 0,
    "baseImage": "debian-12",
    "healthCheckIntervalSeconds": 5,
}


class Street:
    """The example with its two services, and the project itself as a third one that adopts their load balancer."""

    def __init__(self, workdir: Path, *, stand_in: bool) -> None:
        self._workdir, self._stand_in = workdir, stand_in
        self.port = free_port()

    def __enter__(self) -> Street:
        self._cloud = Cloud(self._workdir / "cloud", boot_seconds=1, time_scale=0.05)
        self._cloud.__enter__()
        shop = ProjectCopy(self._workdir / "project")
        folder = shop.folder / "examples" / "two-services"
        shutil.copytree(PROJECT / "examples" / "two-services", folder)
        shop.commit("The example")
        services = {
            name: {
                **SMALL,
                "imageDir": "../../image",
                "hostname": HOSTS[name],
                "rulePriority": priority,
                "active": "blue",
            }
            for name, priority in (("shop", 10), ("blog", 20))
        }
        self.example = self._engine(folder, "edge", "local", {"listenerPort": self.port, **services})
        self._shop = shop
        return self

    def __exit__(self, *_: object) -> None:
        self._cloud.__exit__(None, None, None)

    def adopting(self, **keys: Any) -> Engine:
        """The project itself, on the example's listener."""
        [balancer] = self._cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]
        [listener] = self._cloud.client("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])[
            "Listeners"
        ]
        subnets = {
            one["SubnetId"]: one["AvailabilityZone"]
            for one in self._cloud.client("ec2").describe_subnets(
                Filters=[{"Name": "vpc-id", "Values": [balancer["VpcId"]]}]
            )["Subnets"]
        }
        front = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
        return self._engine(
            self._shop.folder,
            "wiki",
            "wiki",
            {
                **SMALL,
                "listenerArn": listener["ListenerArn"],
                "vpcId": balancer["VpcId"],
                "albSubnetIds": front,
                "serverSubnetIds": sorted(subnets.keys() - set(front)),
                "hostname": HOSTS["wiki"],
                **keys,
            },
        )

    def _engine(self, folder: Path, name: str, stack: str, config: Mapping[str, Any]) -> Engine:
        return choose(
            folder,
            stack,
            self._workdir / name,
            environment(self._cloud),
            {
                "aws:region": "eu-west-1",
                "aws:skipCredentialsValidation": True,
                "aws:skipMetadataApiCheck": True,
                **config,
            },
            secrets={"previewToken": secrets.token_urlsafe(24)},
            stand_in=self._stand_in,
        )

    @property
    def calls(self) -> Calls:
        return self._cloud.calls

    def policed(self, service: str, stack: str) -> tuple[Deployer, str]:
        """Whoever deploys a stack that adopts the load balancer, and the bounds of its servers."""
        [balancer] = self._cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]
        values = {"BALANCER": balancer["LoadBalancerName"], "FIREWALL": balancer["SecurityGroups"][0]}
        names = ("read", "launch", "deploy", "rights", "packer", "adopt")
        deployer = Deployer(self._cloud, names, service=service, stack=stack, values=values)
        return deployer, make_bounds(self._cloud, service=service, stack=stack)

    def ask(self, service: str) -> str:
        """The generation that answers a service's users."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers={"Host": HOSTS[service]})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
            return str(answer.headers["X-Phoenix-Generation"])

    def owned(self, service: str) -> dict[str, Any]:
        """A service's rules with all that is in them, its target groups, and its groups with their servers."""
        balancing = self._cloud.client("elbv2")
        [balancer] = balancing.describe_load_balancers()["LoadBalancers"]
        [listener] = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        found = balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        rules = {rule["RuleArn"]: rule for rule in found if not rule["IsDefault"]}
        groups = {group["TargetGroupArn"]: group for group in balancing.describe_target_groups()["TargetGroups"]}
        mine = {
            one["ResourceArn"]
            for one in balancing.describe_tags(ResourceArns=[*rules, *groups])["TagDescriptions"]
            if {"Key": "phoenix:stack", "Value": STACKS[service]} in one["Tags"]
        }
        fleet = self._cloud.client("autoscaling").describe_auto_scaling_groups(
            Filters=[{"Name": "tag:phoenix:stack", "Values": [STACKS[service]]}]
        )["AutoScalingGroups"]
        return {
            **{arn: rules.get(arn) or groups[arn] for arn in mine},
            **{one["AutoScalingGroupName"]: [i["InstanceId"] for i in one["Instances"]] for one in fleet},
        }


class Users:
    """Asks for a service again and again while it is open; `seen` are the generations, `failed` what went wrong."""

    def __init__(self, street: Street, service: str) -> None:
        self._street, self._service, self._end = street, service, threading.Event()
        self.seen: set[str] = set()
        self.failed: list[str] = []

    def __enter__(self) -> Users:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.1):
            try:
                self.seen.add(self._street.ask(self._service))
            except OSError as error:
                self.failed.append(str(error))


@pytest.fixture(scope="module", params=ENGINES)
def street(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Street(tmp_path_factory.mktemp("street"), stand_in=request.param == "stand-in") as made:
        yield made


@pytest.mark.thorough
def test_services_on_one_load_balancer_live_and_die_on_their_own(street: Street) -> None:
    done = street.example.up()
    assert done.ok, done.text
    assert "rollout plan of shop/local: blue is launched" in done.text
    assert "rollout plan of blog/local: blue is launched" in done.text
    shop, blog = street.ask("shop"), street.ask("blog")
    assert shop != blog
    url = street.example.outputs()["shop"]["url"]
    assert url == f"http://shop.example.com:{street.port}"

    # A third service, of a program and a state of its own, adopts the listener.
    refused = street.adopting(rulePriority=9).up()
    assert not refused.ok
    assert "rulePriority = 9: must be free, and the number after it too: 10 is taken by shop/local" in refused.text
    deployer, bounds = street.policed("phoenix", "wiki")
    with street.calls.failing(deployer):
        wiki = street.adopting(rulePriority=30, permissionsBoundary=bounds)
        assert (done := wiki.up()).ok, done.text
    assert len({street.ask("wiki"), shop, blog}) == 3

    # One flips; the others' rules, groups and servers are what they were, and so are their answers.
    before = {name: street.owned(name) for name in ("blog", "wiki")}
    assert all(len(one) == 4 for one in before.values())
    street.example.config_set("shop.environment.WHAT", "new", path=True)
    street.example.config_set("shop.active", "green", path=True)
    with Users(street, "blog") as readers, Users(street, "shop") as buyers:
        assert (done := street.example.up()).ok, done.text
    assert (readers.seen, readers.failed, buyers.failed) == ({blog}, [], [])
    assert buyers.seen == {shop, street.ask("shop")} and len(buyers.seen) == 2
    assert {name: street.owned(name) for name in ("blog", "wiki")} == before
    assert set(street.example.up().changes) == {"same"}

    # One ends; the others stay.
    before = {name: street.owned(name) for name in ("shop", "blog")}
    with street.calls.failing(deployer):
        assert (done := wiki.destroy()).ok, done.text
    # Its own policies were enough, on a load balancer that is another's.
    assert [one for one in deployer.refused if not one.startswith("iam:GetUser ")] == []
    assert {"elasticloadbalancing:CreateRule", "ec2:RevokeSecurityGroupEgress"} <= set(deployer.asked)
    assert street.owned("wiki") == {}
    assert {name: street.owned(name) for name in ("shop", "blog")} == before
    assert street.ask("blog") == blog

    assert (done := street.example.destroy()).ok, done.text
    assert street.example.resources() == []
