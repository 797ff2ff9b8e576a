"""A listener of the rehearsal's balancer in front of scripted targets, for one test at a time."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.cloud.cloud import Cloud
from rehearsal.servers import scripted
from tests.rehearsal.boto3_stack import Stack, running, stack, until


@dataclass
class Site:
    """A listener and target groups of scripted targets, for one test."""

    stack: Stack
    machines: scripted.ScriptedMachines
    name: str
    exits: ExitStack
    groups: dict[str, str] = field(default_factory=dict)

    def targets(self, group: str, *scripts: scripted.Script) -> str:
        """A target group with one running instance for each script, registered."""
        arn = self.stack.target_group(f"{self.name[:20]}-{group}", delay=3600)
        self.groups[group] = arn
        for script in scripts:
            self.register(group, script)
        return arn

    def register(self, group: str, script: scripted.Script) -> str:
        cloud = self.stack.cloud
        run = cloud.client("ec2").run_instances(
            ImageId=self.stack.image, MinCount=1, MaxCount=1, InstanceType="t3.small"
        )
        server: str = running(cloud, run["Instances"][0]["InstanceId"])
        self.machines.addresses[server] = self.exits.enter_context(scripted.target(script))
        cloud.client("elbv2").register_targets(TargetGroupArn=self.groups[group], Targets=[{"Id": server}])
        return server

    def healthy(self, group: str, count: int = 1) -> None:
        until(lambda: len(self.stack.healthy(self.groups[group])) == count, what=f"{count} healthy in {group}")

    def get(self, path: str = "/", *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()

    def answers(self, status: int, text: bytes = b"") -> None:
        """Waits until the balancer follows the newest rules: a change takes a moment."""
        until(lambda: (answer := self.get()).status == status and text in answer.body, what=f"{status} {text!r}")


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Shared:
    """The cloud of a test module."""

    stack: Stack
    machines: scripted.ScriptedMachines
    sites: int = 0

    @contextmanager
    def site(self, name: str) -> Iterator[Site]:
        self.sites += 1
        with ExitStack() as exits:
            yield Site(stack=self.stack.fresh(), machines=self.machines, name=f"site-{self.sites}", exits=exits)


@contextmanager
def shared(workdir: Path) -> Iterator[Shared]:
    machines = scripted.ScriptedMachines()
    with Cloud(workdir, machines=machines, boot_seconds=1, time_scale=0.02) as cloud:
        yield Shared(stack=stack(cloud), machines=machines)


def says(text: str) -> scripted.Script:
    def answer(connection: socket.socket) -> None:
        while scripted.head(connection):
            connection.sendall(scripted.ok(text))

    return answer
