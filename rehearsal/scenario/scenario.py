"""The scenario of a rehearsal and of a drill: born, changed, reborn beside the old, flipped, back, and a bad image.

One scenario for every cloud; what differs between them is a `Place`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rehearsal.engine import Engine, Result
from rehearsal.scenario import timeline
from rehearsal.scenario.backend import Place
from rehearsal.scenario.console import Scene
from rehearsal.scenario.load import Load
from rehearsal.scenario.orphans import orphans
from rehearsal.scenario.project_copy import Workshop
from rehearsal.scenario.report import Ran, Report, Stage, figures
from rehearsal.scenario.watch import Watch, answered_unverified

FIRST = "birth of blue"


class StoryError(Exception):
    """The story could not go on; the text says at which stage and why."""


@dataclass
class Told:
    """What the story collects while it is told."""

    stages: list[Stage] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)  # by stage: what differs from what was live
    measured: dict[str, float] = field(default_factory=dict)
    stage: str = ""  # the one that is being told

    def expect(self, holds: bool, text: str) -> None:
        """Notes what did not hold."""
        if not holds:
            self.broken.append(text)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the scenario: where, by which engine, from which copy of the project, and who is told."""

    place: Place
    engine: Engine
    shop: Workshop
    scene: Scene
    told: Told = field(default_factory=Told)

    def under_load(self, *, rate: float, out: Path, bad_image: bool) -> tuple[Report, timeline.Timeline]:
        """The whole scenario, with `rate` requests a second from the first birth on; their account goes into `out`.

        Raises `StoryError` when an update fails that must not.
        """
        told, place = self.told, self.place
        began = datetime.now(UTC)
        with place.watch() as watch:
            with self.stage(FIRST):
                self._up()
            url = place.url(self.engine)
            load = Load(url=url, rate=rate, out=out)
            with load:
                self._flip_and_back(url)
                if bad_image:
                    self._bad_image(watch)
            requests = load.requests()
        told.broken += watch.broken + answered_unverified(watch.samples, requests, seconds=watch.seconds)
        begin, end = told.stages[0].begin, told.stages[-1].end
        total = figures(requests, watch.samples, begin=begin, end=end)
        told.expect(total.failed == 0, f"5: {total.failed} of {total.requests} requests failed")
        stages = [(stage, figures(requests, watch.samples, begin=stage.begin, end=stage.end)) for stage in told.stages]
        ran = Ran(
            name=place.name,
            cloud=place.cloud,
            aws_plugin=self.engine.aws_plugin,
            packer=self.engine.packer,
            region=place.region,
            account=place.account,
            date=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        )
        report = Report(self.engine.name, place.servers, stages, total, told.broken, told.packages, ran, told.measured)
        return report, timeline.of(report, requests, watch.samples, place.events(watch))

    def _flip_and_back(self, url: str) -> None:
        told, scene, shop, engine = self.told, self.scene, self.shop, self.engine
        with self.stage("blue serves"):
            old = self.place.patch_by_hand()
            time.sleep(5)
        with self.stage("a change: preview"):
            script = shop.add_log_collector()
            engine.config_set("active", "green")
            shop.commit("Collect logs, in a green group")
            scene.says(f"changed, in one commit: {script} is new, active is green")
            plan = engine.preview()
            scene.shows("preview", flight_plan(plan.text))
            told.expect(plan.ok and "baked from scratch" in plan.text, "the preview of the change does not show a bake")
        with self.stage("flip to green"):
            told.measured.update(newborn(self._up()))
            self._alone("green")
        if old:
            with self.stage("proof from inside"):
                broken, said = self.place.prove(old, url)
                told.broken += broken
                for text in said:
                    scene.says(text)
        with self.stage("an update without a change"):
            idle = self._up()
            told.expect(not _changed(idle), f"an update without a change did something: {dict(idle.changes)}")
        with self.stage("flip back, nothing baked"):
            before = self._images()
            shop.revert()
            scene.says("git revert: the script is gone, active is blue")
            told.measured["way_back_seconds"] = _ended(self._up(), "-promote")
            told.expect(self._images() == before, "the flip back baked an image that was there")
            self._alone("blue")
        with self.stage("blue serves again"):
            time.sleep(3)

    def _bad_image(self, watch: Watch) -> None:
        """A change that bakes and never serves: the update fails, users notice nothing, and the next one cleans up."""
        told, scene, shop, engine = self.told, self.scene, self.shop, self.engine
        with self.stage("a bad image"):
            engine.config_set("active", "green")
            what = self.place.spoil(shop, engine)
            shop.commit("A mistake, in a green group")
            scene.says(f"changed, in one commit: {what}, active is green")
            began = time.monotonic()
            done = engine.up(scene.line)
            told.expect(not done.ok, "an update to a bad image did not fail")
            birth = _began(done, GROUP)
            told.measured["detection_seconds"] = round(time.monotonic() - began - birth, 1)
            scene.says(f"detected {told.measured['detection_seconds']:.0f} s after its group was asked for")
            told.expect(_serving(watch) == {"blue"}, f"after a bad image production has {_serving(watch)}, not blue")
        with self.stage("the mistake is reverted"):
            shop.revert()
            self._up()
            self._alone("blue")

    def _up(self) -> Result:
        done = self.engine.up(self.scene.line)
        if not done.ok:
            raise StoryError(f"`up` failed ({done.returncode}) at the stage {self.told.stage}:\n{done.text}")
        if _changed(done):
            self.told.packages[self.told.stage] = self.engine.outputs()["live"]["packages"]["difference"]
        return done

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage of the report."""
        begin = time.time()
        self.told.stage = name
        self.scene.begins(name)
        yield
        self.told.stages.append(Stage(name, begin, time.time()))
        self.scene.ends(name, time.time() - begin)

    def _images(self) -> set[str]:
        found = self.place.client("ec2").describe_images(
            Owners=["self"], Filters=[{"Name": "tag:phoenix:stack", "Values": [self.place.identity]}]
        )
        return {image["ImageId"] for image in found["Images"]}

    def _alone(self, color: str) -> None:
        """A group of this color is all there is, and the engine's state knows everything else."""
        pages = (
            self.place.client("autoscaling")
            .get_paginator("describe_auto_scaling_groups")
            .paginate(Filters=[{"Name": "tag:phoenix:stack", "Values": [self.place.identity]}])
        )
        colors = [
            tag["Value"]
            for page in pages
            for group in page["AutoScalingGroups"]
            for tag in group["Tags"]
            if tag["Key"] == "phoenix:color"
        ]
        self.told.expect(colors == [color], f"after {self.told.stage} the groups are {colors}, not {color} alone")
        self.told.broken += orphans(self.place, self.engine, self.place.identity)


GROUP = "aws:autoscaling/group:Group"


def newborn(done: Result) -> Mapping[str, float]:
    """Seconds of an update with a birth: its bake, its group until it is verified, and the promotion."""
    bake = max(
        (one.seconds for one in done.operations if one.name.endswith("-image-bake") and "create" in one.op), default=0.0
    )
    return {
        "bake_seconds": round(bake, 1),
        "birth_seconds": round(_ended(done, "-verify") - _began(done, GROUP), 1),
        "flip_seconds": round(
            max(
                (one.seconds for one in done.operations if one.name.endswith("-promote") and "create" in one.op),
                default=0.0,
            ),
            1,
        ),
    }


def _began(done: Result, type_: str) -> float:
    """Seconds from an update's begin to that of the first creation of a type; 0 without one."""
    return min((one.started for one in done.operations if one.type == type_ and "create" in one.op), default=0.0)


def _ended(done: Result, suffix: str) -> float:
    """Seconds from an update's begin until a step's creation ended; 0 without one."""
    return round(
        max((one.ended for one in done.operations if one.name.endswith(suffix) and "create" in one.op), default=0.0), 1
    )


def _serving(watch: Watch) -> set[str]:
    """The colors that have production in the newest sample."""
    if not watch.samples:
        return set()
    now = watch.samples[-1]
    return {group.color for group in now.groups if any(now.weights.get(arn) for arn in group.target_groups)}


def _changed(result: Result) -> int:
    return sum(count for kind, count in result.changes.items() if kind != "same")


def flight_plan(text: str) -> str:
    """The flight plan's block out of what an engine printed: its heading, and the lines indented below it."""
    lines = text.splitlines()
    headings = [number for number, line in enumerate(lines) if line.strip().startswith("flight plan of")]
    if not headings:
        return text
    start = headings[-1]
    margin = len(lines[start]) - len(lines[start].lstrip())
    block = [lines[start][margin:]]
    for line in lines[start + 1 :]:
        if len(line) - len(line.lstrip()) <= margin:
            break
        block.append(line[margin:])
    return "\n".join(block)
