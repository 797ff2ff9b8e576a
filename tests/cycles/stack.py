"""One stack of the program on a local cloud, under load and watched: what the tests of whole cycles share.

A birth of the load balancer is slow on the real engine, so the tests of a file tell their chapters on one stack, each
from the same beginning: one group alone with all of production, and nothing to do.
"""

from __future__ import annotations

import itertools
import re
import secrets
import shutil
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from core import server_groups
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine, OnLine, Result, Running, choose
from rehearsal.engine.config import flatten
from rehearsal.scenario.load import Load, Request
from rehearsal.scenario.local import environment, free_port
from rehearsal.scenario.orphans import find_orphans
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.watch import InvariantWatch, Sample, find_unverified_answers, sample

IDENTITY = "phoenix/local"
# The local cloud's clock is ten times faster than AWS's: a grace period of 60 s is 6, a minute of CloudWatch's too. Who
# is not about the watch does not wait for it: a pause of 0 is blind.
QUICK = {"bootSeconds": 60, "canaryPauseSeconds": 0, "settleSeconds": 1, "soakSeconds": 0, "drainSeconds": 1}
CALM = {
    "active": "auto",
    "traffic": 100,
    "keepPrevious": False,
    "guardHours": 0,
    "image": "",
    "smokeCommand": "",
    "verifyTimeoutSeconds": 900,
    "targetCpuPercent": 50,
    "instanceType": "t3.small",
    "environment": {"REHEARSAL_FAULT": "none"},
    **QUICK,
}
ENGINES = [
    "stand-in",
    pytest.param("pulumi", marks=pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")),
]


@dataclass(frozen=True)
class Group:
    """A group of servers as AWS has it."""

    name: str
    color: str
    generation: str
    template: str  # id and version
    minimum: int
    maximum: int
    desired: int
    instances: frozenset[str]
    in_service: int
    target_group: str
    fingerprint: str


class Stack:
    """A context manager: a project of its own, its engine, a cloud, and production traffic."""

    def __init__(self, workdir: Path, *, stand_in: bool) -> None:
        self._workdir, self._stand_in = workdir, stand_in
        self._numbers = itertools.count(1)
        self._told: dict[str, str] = {}
        self._idle = False  # nothing was touched since an update that found nothing to do
        self._ended = float("inf")  # when users were no longer counted

    def __enter__(self) -> Stack:
        self.shop = ProjectCopy(self._workdir / "project")
        self.port, self.token = free_port(), secrets.token_urlsafe(24)
        with ExitStack() as opened:
            # Where the load balancer's port 80 is on this machine.
            self.plain = free_port()
            self.cloud = opened.enter_context(
                Cloud(self._workdir / "cloud", boot_seconds=2, time_scale=0.1, ports={80: self.plain})
            )
            self.engine = self._engine()
            self._watch = opened.enter_context(InvariantWatch(self.cloud.region, IDENTITY))
            self._load = opened.enter_context(
                Load(url=f"http://127.0.0.1:{self.port}/", rate=20, out=self._workdir / "load.jsonl")
            )
            self._exits = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def move(self) -> None:
        """Another machine takes over: a fresh clone of the project, and an engine that shares nothing but the state."""
        self.shop.commit("Settings")
        left = self.shop.folder
        self.shop = self.shop.clone(self._workdir / f"project-{next(self._numbers)}")
        shutil.rmtree(left)
        self.engine = self._engine()

    def second(self) -> Engine:
        """What somebody else has: a clone of the project as it is committed, and a state of their own."""
        number = next(self._numbers)
        return self._engine(self.shop.clone(self._workdir / f"second-{number}").folder, f"second-state-{number}")

    def begin(self) -> None:
        """One group alone with everything, whatever was before, and the flag on its color."""
        self._broken = len(self._watch.violations)
        if not self._idle:
            self.set(**CALM)
            self.up()
        [alone] = self.groups().values()
        self.set(active=alone.color)
        self.shop.commit("Calm")
        assert self.weights() == {alone.color: 100}
        self._begun, self._ended, self._samples = time.time(), float("inf"), len(self._watch.samples)
        self.bears: Callable[[Request], bool] = lambda request: False
        self._closed = (float("inf"), float("inf"))

    def end(self) -> None:
        """No invariant was broken since `begin`."""
        asked = self.requests()
        assert self._watch.violations[self._broken :] == []
        assert find_unverified_answers(self._watch.samples, asked) == []
        assert asked or self._ended < float("inf")
        failed = [
            request
            for request in asked
            if request.failed and not self.bears(request) and not self._closed[0] <= request.t < self._closed[1]
        ]
        assert failed == [], f"{len(failed)}, of {asked[0].t} to {asked[-1].t}, but those of {self._closed}"

    def refuses(self, *, since: float = 0, until: float = float("inf")) -> None:
        """Users of this stack's port are refused since a time (of the epoch) and until one: it is not open."""
        self._closed = (min(since or float("inf"), self._closed[0]), until)

    def pardon(self) -> None:
        """The invariants that a person's hand broke until now are not the program's; they count from here on."""
        self._broken = len(self._watch.violations)

    def set(self, **keys: Any) -> None:
        """`pulumi config set`; keys that have the value already are left out."""
        for key, value in keys.items():
            for path, text in flatten(key, value):
                if self._told.get(path) != text:
                    self._idle = False
                    self.engine.config_set(path, text, path=path != key)
                    self._told[path] = text

    def unset(self, key: str) -> None:
        """`pulumi config rm`."""
        settings = self.shop.folder / "Pulumi.local.yaml"
        said = yaml.safe_load(settings.read_text())
        here = {key, f"phoenix:{key}"} & said["config"].keys()
        for name in here:
            del said["config"][name]
        if here:
            self._idle = False
            settings.write_text(yaml.safe_dump(said, sort_keys=False))
        self._told = {path: text for path, text in self._told.items() if re.split(r"[.[]", path)[0] != key}

    def change(self) -> None:
        """A change of the scripts, committed alone."""
        self.shop.commit("Settings")
        self._idle = False
        number = next(self._numbers)
        script = self.shop.folder / "image" / "provision" / f"4{number % 10}-change-{number}.sh"
        script.write_text(f"#!/bin/sh\necho {number}\n")
        script.chmod(0o755)
        self.shop.commit(f"Change {number}")

    def revert(self) -> None:
        """`git revert` of the last commit."""
        settings = self.shop.folder / "Pulumi.local.yaml"
        before = settings.read_bytes()
        self._idle = False
        self.shop.revert()
        if settings.read_bytes() != before:
            self._told.clear()

    def back_to(self, commit: str) -> None:
        """`git revert` of everything after a commit, the stack's settings too."""
        self._idle = False
        self.shop.revert_to(commit)
        self._told.clear()

    def check_out(self, commit: str) -> None:
        """Another commit's files, the stack's settings too, as a pipeline that is run again has them."""
        self._idle = False
        self.shop.check_out(commit)
        self._told.clear()

    def start(self, on_line: OnLine | None = None, *, flags: Sequence[str] = ()) -> Running:
        """An update that is left to run; `flags` are the engine's own."""
        self._idle = False
        return self.engine.start_up(on_line, flags=flags)

    def urn(self, name: str) -> str:
        """The URN of the one resource of the state that ends so."""
        [found] = {item.urn for item in self.engine.resources() if item.urn.endswith(name) and not item.pending_delete}
        return found

    def ill(self, fault: str) -> None:
        """Servers of the next generation misbehave so (rehearsal.servers.server says how), by the settings."""
        self.set(environment={"REHEARSAL_FAULT": fault})

    def up(self) -> Result:
        """An update that must do well, and leave nothing behind."""
        done = self.engine.up()
        assert done.ok, done.text
        assert find_orphans(self.cloud, self.engine, IDENTITY) == []
        return done

    def idle(self) -> None:
        """An update that must find nothing to do."""
        before = self.groups(), self.weights(), self.engine.outputs()
        done = self.up()
        assert set(done.changes) == {"same"}, done.text
        after = self.groups(), self.weights(), self.engine.outputs()
        assert after == before
        self._idle = all(
            self._told.get(path) == text
            for key, value in CALM.items()
            if key != "active"
            for path, text in flatten(key, value)
        )

    def refused(self) -> str:
        """An update that must fail, and leave production alone. Returns what it printed."""
        self._idle = False
        before = self.weights()
        done = self.engine.up()
        assert not done.ok, done.text
        assert self.weights() == before
        return done.text

    def destroy(self) -> None:
        """`pulumi destroy`; users are not counted from the first one on."""
        self._idle, self._ended = False, min(self._ended, time.time())
        done = self.engine.destroy()
        assert done.ok, done.text
        assert self.engine.resources() == []

    def groups(self) -> dict[str, Group]:
        """Groups by color. Two of one color are an error here."""
        found: dict[str, Group] = {}
        for one in self.cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]:
            group = _group(one)
            assert group.color not in found, f"two groups are {group.color}"
            found[group.color] = group
        return found

    def weights(self) -> dict[str, int]:
        """The production rule's weights by color."""
        return by_color(sample(self.cloud.region, IDENTITY).weights)

    def moves(self, since: float = 0) -> list[dict[str, int]]:
        """The weights that production had since a time (of the epoch), or the test's begin, one after another."""
        seen = [by_color(one.weights) for one in self.samples() if one.t >= since]
        return [weights for weights, _ in itertools.groupby(seen)]

    def samples(self) -> list[Sample]:
        """What the cloud held at each instant since the test's begin."""
        return self._watch.samples[self._samples :]

    def requests(self, since: float = 0) -> list[Request]:
        """Those that were due since a time (of the epoch), or the test's begin."""
        return [request for request in self._load.requests() if max(since, self._begun) <= request.t < self._ended]

    def answers(self, *, seconds: float, what: Callable[[Set[str]], bool]) -> Set[str]:
        """The colors that answer production within the next seconds, until they are as they should be."""
        begun = time.time()
        while not what(seen := {one.color for one in self.requests(begun)}) and time.time() - begun < seconds:
            time.sleep(0.2)
        return seen

    def ask(self, *, token: str | None = None) -> str:
        """The generation that answers whoever holds this token, or nobody's."""
        headers = {"X-Phoenix-Preview": token} if token else {}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers=headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
            return str(answer.headers["X-Phoenix-Generation"])

    def healthy(self, target_group: str) -> int:
        """How many of a target group's servers are healthy."""
        found = self.cloud.client("elbv2").describe_target_health(TargetGroupArn=target_group)
        return sum(1 for one in found["TargetHealthDescriptions"] if one["TargetHealth"]["State"] == "healthy")

    def images(self) -> Set[str]:
        """Our images that exist."""
        return {one["ImageId"] for one in self.cloud.client("ec2").describe_images(Owners=["self"])["Images"]}

    def _engine(self, folder: Path | None = None, state: str = "engine") -> Engine:
        return choose(
            folder or self.shop.folder,
            "local",
            self._workdir / state,
            environment(self.cloud),
            {**QUICK, "listenerPort": self.port},
            secrets={"previewToken": self.token},
            stand_in=self._stand_in,
        )


def until(
    question: Callable[[], bool], *, what: str, but: Callable[[], object] | None = None, seconds: float = 120
) -> None:
    """Waits for something; the limit is only for a test that fails, which says what there is `but` that."""
    limit = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < limit, f"after {seconds} s still not: {what}" + (f", but {but()}" if but else "")
        time.sleep(0.05)


def by_color(weights: Mapping[str, int]) -> dict[str, int]:
    return {arn.split("/")[1].split("-")[2]: weight for arn, weight in weights.items()}


def _group(one: Mapping[str, Any]) -> Group:
    tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
    template = server_groups.template_of(one)
    return Group(
        name=one["AutoScalingGroupName"],
        color=tags["phoenix:color"],
        generation=tags["phoenix:generation"],
        template=f"{template['LaunchTemplateId']}:{template['Version']}",
        minimum=one["MinSize"],
        maximum=one["MaxSize"],
        desired=one["DesiredCapacity"],
        instances=frozenset(
            instance["InstanceId"]
            for instance in one["Instances"]
            if not instance["LifecycleState"].startswith("Terminat")
        ),
        in_service=sum(1 for instance in one["Instances"] if instance["LifecycleState"] == "InService"),
        target_group=one["TargetGroupARNs"][0],
        fingerprint=tags["phoenix:fingerprint"],
    )
