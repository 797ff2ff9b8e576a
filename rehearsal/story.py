"""The story that is told on the local cloud: born, changed, reborn beside the old, flipped, and back."""

from __future__ import annotations

import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal import proof, timeline
from rehearsal.cloud import Cloud
from rehearsal.engine import Engine, Result, choose
from rehearsal.load import Load
from rehearsal.machines.nspawn import NspawnMachines
from rehearsal.machines.wiring import LOG_PORT
from rehearsal.orphans import orphans
from rehearsal.report import Report, Stage, figures
from rehearsal.stage import Scene
from rehearsal.watch import Watch, answered_unverified
from rehearsal.workshop import Workshop

STACK = "local"  # with the settings of Pulumi.local.yaml
# An operating system takes longer than a process, most of all when everything runs on this one machine.
REAL: Mapping[str, Any] = {
    "bootSeconds": 90, "verifyTimeoutSeconds": 300,
    # From the distribution's own archive, and forwarded to the rehearsal itself.
    "packerVariables": {"log_collector": "syslog-ng", "log_target": f"127.0.0.1:{LOG_PORT}"},
}


class StoryError(Exception):
    """The story could not go on; the text says at which stage and why."""


@dataclass
class Told:
    """What the story collects while it is told."""

    stages: list[Stage] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)  # by stage: what differs from what was live
    stage: str = ""  # the one that is being told

    def expect(self, holds: bool, text: str) -> None:
        """Notes what did not hold."""
        if not holds:
            self.broken.append(text)


def tell(
    workdir: Path, scene: Scene, *, cloud: Cloud | None = None, rate: float = 200, stand_in: bool | None = None,
    settings: Mapping[str, Any] | None = None,
) -> tuple[Report, timeline.Timeline]:
    """Tells the whole story in `workdir` and reports on it, second by second too.

    On an open `cloud`, or one of its own whose machines are processes. `settings` are set on top of those of the local
    stack. Raises `StoryError` when an update fails that must not.
    """
    told = Told()
    shop = Workshop(workdir / "project")
    with ExitStack() as open_things:
        cloud = cloud or open_things.enter_context(Cloud(workdir / "cloud"))
        real = REAL if isinstance(cloud.machines, NspawnMachines) else {}
        port = free_port()
        told_settings = {**real, **(settings or {}), "listenerPort": port}
        engine = engine_for(shop.folder, workdir, cloud, told_settings, stand_in=stand_in)
        shop.commit("Configure the stack")
        why = " (no `pulumi` on PATH: this one keeps its rules)" if engine.stand_in else ""
        scene.says(f"engine: {engine.name}{why}")
        scene.says(f"servers: {'Packer and its scripts make them' if real else 'scripts are named, not run'}; they are "
                   f"{cloud.machines.kind}")
        watch = open_things.enter_context(Watch(cloud.region, f"phoenix/{STACK}"))
        with _stage(told, scene, "birth of blue"):
            _up(engine, scene, told)
        url = f"http://127.0.0.1:{port}/"
        load = Load(url=url, rate=rate, out=workdir / "load.jsonl")
        with load:
            _under_load(told, scene, shop, engine, cloud, url)
        requests = load.requests()
    told.broken += watch.broken + answered_unverified(watch.samples, requests)
    begin, end = told.stages[0].begin, told.stages[-1].end
    total = figures(requests, watch.samples, begin=begin, end=end)
    told.expect(total.failed == 0, f"5: {total.failed} of {total.requests} requests failed")
    stages = [(stage, figures(requests, watch.samples, begin=stage.begin, end=stage.end)) for stage in told.stages]
    report = Report(engine.name, cloud.machines.kind, stages, total, told.broken, told.packages)
    return report, timeline.of(report, requests, watch.samples, cloud.events)


def _under_load(told: Told, scene: Scene, shop: Workshop, engine: Engine, cloud: Cloud, url: str) -> None:
    machines = cloud.machines if isinstance(cloud.machines, NspawnMachines) else None
    with _stage(told, scene, "blue serves"):
        old = proof.patch_by_hand(machines) if machines else None
        time.sleep(5)
    with _stage(told, scene, "a change: preview"):
        script = shop.add_log_collector()
        engine.config_set("active", "green")
        shop.commit("Collect logs, in a green group")
        scene.says(f"changed, in one commit: {script} is new, active is green")
        plan = engine.preview()
        scene.shows("preview", flight_plan(plan.text))
        told.expect(plan.ok and "baked from scratch" in plan.text, "the preview of the change does not show a bake")
    with _stage(told, scene, "flip to green"):
        _up(engine, scene, told)
        _alone(told, cloud, "green")
        told.broken += orphans(cloud, engine, f"phoenix/{STACK}")
    if machines and old:
        with _stage(told, scene, "proof from inside"):
            _prove(told, scene, machines, old, url)
    with _stage(told, scene, "an update without a change"):
        idle = _up(engine, scene, told)
        told.expect(not _changed(idle), f"an update without a change did something: {dict(idle.changes)}")
    with _stage(told, scene, "flip back, nothing baked"):
        before = _images(cloud)
        shop.revert()
        scene.says("git revert: the script is gone, active is blue")
        _up(engine, scene, told)
        told.expect(_images(cloud) == before, "the flip back baked an image that was there")
        _alone(told, cloud, "blue")
        told.broken += orphans(cloud, engine, f"phoenix/{STACK}")
    with _stage(told, scene, "blue serves again"):
        time.sleep(3)


def _prove(told: Told, scene: Scene, machines: NspawnMachines, old: proof.Old, url: str) -> None:
    """Of real machines: nothing of the old ones is left, and the new ones do what the change was for."""
    gone = proof.reborn(machines, old)
    silent = proof.forwarded(machines, url, machines.running())
    told.broken += [f"proof: {text}" for text in (*gone, *silent)]
    if not gone:
        scene.says(f"proof: {', '.join(old.servers)} and their disks are gone, and no file of theirs is on "
                   f"{', '.join(machines.running())}")
    if not silent:
        scene.says("proof: each new server's log collector forwarded the line of a request that went to it")


def engine_for(
    folder: Path, workdir: Path, cloud: Cloud, settings: Mapping[str, Any], *, stand_in: bool | None = None
) -> Engine:
    """The engine for the project in `folder` on this cloud, with a preview token of its own."""
    return choose(
        folder, STACK, workdir / "engine", environment(cloud), settings,
        secrets={"previewToken": secrets.token_urlsafe(24)}, stand_in=stand_in)


def environment(cloud: Cloud) -> dict[str, str]:
    """What leads the engine, its steps and their Packer to the local cloud."""
    return {**cloud.environment, "PHOENIX_PYTHON": sys.executable}


def flight_plan(text: str) -> str:
    """The flight plan's block out of what an engine printed: its heading, and the lines indented below it."""
    lines = text.splitlines()
    headings = [number for number, line in enumerate(lines) if line.strip().startswith("flight plan of")]
    if not headings:
        return text
    start = headings[-1]
    margin = len(lines[start]) - len(lines[start].lstrip())
    block = [lines[start][margin:]]
    for line in lines[start + 1:]:
        if len(line) - len(line.lstrip()) <= margin:
            break
        block.append(line[margin:])
    return "\n".join(block)


def free_port() -> int:
    """A loopback port that nothing listens on.

    It is none of those that systems give to whoever connects (Linux: from 32768 on), so nobody takes it by chance
    while the listener it is for does not stand.
    """
    while True:
        port = secrets.choice(range(20000, 32768))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def _stage(told: Told, scene: Scene, name: str) -> Iterator[None]:
    begin = time.time()
    told.stage = name
    scene.begins(name)
    yield
    told.stages.append(Stage(name, begin, time.time()))
    scene.ends(name, time.time() - begin)


def _up(engine: Engine, scene: Scene, told: Told) -> Result:
    done = engine.up(scene.line)
    if not done.ok:
        raise StoryError(f"`up` failed ({done.returncode}):\n{done.text}")
    if _changed(done):
        told.packages[told.stage] = engine.outputs()["live"]["packages"]["difference"]
    return done


def _changed(result: Result) -> int:
    return sum(count for kind, count in result.changes.items() if kind != "same")


def _images(cloud: Cloud) -> set[str]:
    return {image["ImageId"] for image in cloud.client("ec2").describe_images(Owners=["self"])["Images"]}


def _alone(told: Told, cloud: Cloud, color: str) -> None:
    groups = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    colors = [tag["Value"] for group in groups for tag in group["Tags"] if tag["Key"] == "phoenix:color"]
    told.expect(colors == [color], f"after the flip to {color} the groups are {colors}")
