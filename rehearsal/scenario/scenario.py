"""The scenario of a rehearsal and of a drill: launch, change, flip to a new group, flip back, and a bad image.

One scenario for every cloud; what differs between them is a `Place`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.times import iso
from rehearsal.engine import Engine, Result
from rehearsal.scenario import attribution, timeline
from rehearsal.scenario.backend import Backend
from rehearsal.scenario.console import Console
from rehearsal.scenario.load import Load
from rehearsal.scenario.orphans import find_orphans
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.report import Report, RunInfo, Stage, figures
from rehearsal.scenario.watch import InvariantWatch, find_unverified_answers

FIRST = "birth of blue"


class ScenarioError(Exception):
    """The scenario can't go on; the text says at which stage and why."""


@dataclass
class ScenarioResult:
    """What a run of the scenario collects."""

    stages: list[Stage] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)  # by stage: what differs from what was live
    measurements: dict[str, float] = field(default_factory=dict)
    stage: str = ""  # the one that runs

    def expect(self, holds: bool, text: str) -> None:
        """Notes what did not hold."""
        if not holds:
            self.violations.append(text)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run of the scenario: where, by which engine, from which copy of the project, and what shows it."""

    backend: Backend
    engine: Engine
    project: ProjectCopy
    console: Console
    result: ScenarioResult = field(default_factory=ScenarioResult)

    def run(self, *, rate: float, out: Path, bad_image: bool) -> tuple[Report, timeline.Timeline]:
        """The whole scenario, with `rate` requests a second from the first launch on, each recorded in `out`.

        Raises `ScenarioError` when an update fails that must not.
        """
        result, backend = self.result, self.backend
        began = datetime.now(UTC)
        with backend.watch() as watch:
            with self.stage(FIRST):
                self._up()
            url = backend.url(self.engine)
            load = Load(url=url, rate=rate, out=out)
            with load:
                self._flip_and_back(url)
                if bad_image:
                    self._bad_image(watch)
            requests = load.requests()
        result.violations += watch.violations + find_unverified_answers(watch.samples, requests, seconds=watch.seconds)
        silent = attribution.is_silent(requests)
        if silent:
            requests = attribution.by_target_group(requests, watch.samples)
        begin, end = result.stages[0].begin, result.stages[-1].end
        total = figures(requests, watch.samples, begin=begin, end=end)
        result.expect(total.failed == 0, f"5: {total.failed} of {total.requests} requests failed")
        stages = [
            (stage, figures(requests, watch.samples, begin=stage.begin, end=stage.end)) for stage in result.stages
        ]
        ran = RunInfo(
            name=backend.name,
            cloud=backend.cloud,
            aws_plugin=self.engine.aws_plugin,
            packer=self.engine.packer,
            region=backend.region,
            account=backend.account,
            date=iso(began),
        )
        report = Report(
            self.engine.name,
            backend.servers,
            stages,
            total,
            result.violations,
            result.packages,
            ran,
            result.measurements,
            silent,
        )
        return report, timeline.build_timeline(report, requests, watch.samples, backend.events(watch))

    def _flip_and_back(self, url: str) -> None:
        result, console, project, engine = self.result, self.console, self.project, self.engine
        with self.stage("blue serves"):
            old = self.backend.patch_by_hand()
            time.sleep(5)
        with self.stage("a change: preview"):
            script = project.add_log_collector()
            engine.config_set("active", "green")
            project.commit("Collect logs, in a green group")
            console.print(f"changed, in one commit: {script} is new, active is green")
            plan = engine.preview()
            console.print_panel("preview", plan_block(plan.text))
            result.expect(plan.ok and "baked from scratch" in plan.text, "the preview of the change shows no bake")
        with self.stage("flip to green"):
            result.measurements.update(update_durations(self._up()))
            self._expect_only_group("green")
        if old:
            with self.stage("proof from inside"):
                broken, said = self.backend.check_inside(old, url)
                result.violations += broken
                for text in said:
                    console.print(text)
        with self.stage("an update without a change"):
            idle = self._up()
            result.expect(not _change_count(idle), f"an update without a change did something: {dict(idle.changes)}")
        with self.stage("flip back, nothing baked"):
            before = self._images()
            project.revert()
            console.print("git revert: the script is gone, active is blue")
            result.measurements["way_back_seconds"] = _creation_ended(self._up(), "-promote")
            result.expect(self._images() == before, "the flip back baked an image that was there")
            self._expect_only_group("blue")
        with self.stage("blue serves again"):
            time.sleep(3)

    def _bad_image(self, watch: InvariantWatch) -> None:
        """A change that bakes and never serves: the update fails, users notice nothing, and the next one cleans up."""
        result, console, project, engine = self.result, self.console, self.project, self.engine
        with self.stage("a bad image"):
            engine.config_set("active", "green")
            what = self.backend.break_image(project, engine)
            project.commit("A mistake, in a green group")
            console.print(f"changed, in one commit: {what}, active is green")
            began = time.monotonic()
            done = engine.up(console.show_engine_line)
            result.expect(not done.ok, "an update to a bad image did not fail")
            birth = _creation_started(done, GROUP)
            result.measurements["detection_seconds"] = round(time.monotonic() - began - birth, 1)
            console.print(f"detected {result.measurements['detection_seconds']:.0f} s after its group was asked for")
            result.expect(
                _serving_colors(watch) == {"blue"},
                f"after a bad image production has {_serving_colors(watch)}, not blue",
            )
        with self.stage("the mistake is reverted"):
            project.revert()
            self._up()
            self._expect_only_group("blue")

    def _up(self) -> Result:
        done = self.engine.up(self.console.show_engine_line)
        if not done.ok:
            raise ScenarioError(f"`up` failed ({done.returncode}) at the stage {self.result.stage}:\n{done.text}")
        if _change_count(done):
            self.result.packages[self.result.stage] = self.engine.outputs()["live"]["packages"]["difference"]
        return done

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage of the report."""
        begin = time.time()
        self.result.stage = name
        self.console.start_stage(name)
        yield
        self.result.stages.append(Stage(name, begin, time.time()))
        self.console.end_stage(name, time.time() - begin)

    def _images(self) -> set[str]:
        found = self.backend.client("ec2").describe_images(
            Owners=["self"], Filters=[{"Name": "tag:phoenix:stack", "Values": [self.backend.identity]}]
        )
        return {image["ImageId"] for image in found["Images"]}

    def _expect_only_group(self, color: str) -> None:
        """A group of this color is all there is, and the engine's state knows everything else."""
        pages = (
            self.backend.client("autoscaling")
            .get_paginator("describe_auto_scaling_groups")
            .paginate(Filters=[{"Name": "tag:phoenix:stack", "Values": [self.backend.identity]}])
        )
        colors = [
            tag["Value"]
            for page in pages
            for group in page["AutoScalingGroups"]
            for tag in group["Tags"]
            if tag["Key"] == "phoenix:color"
        ]
        self.result.expect(colors == [color], f"after {self.result.stage} the groups are {colors}, not {color} alone")
        self.result.violations += find_orphans(self.backend, self.engine, self.backend.identity)


GROUP = "aws:autoscaling/group:Group"


def update_durations(done: Result) -> Mapping[str, float]:
    """Seconds of an update with a new group: its bake, its group until it is verified, and the promotion."""
    bake = max(
        (one.seconds for one in done.operations if one.name.endswith("-image-bake") and "create" in one.op), default=0.0
    )
    return {
        "bake_seconds": round(bake, 1),
        "birth_seconds": round(_creation_ended(done, "-verify") - _creation_started(done, GROUP), 1),
        "flip_seconds": round(
            max(
                (one.seconds for one in done.operations if one.name.endswith("-promote") and "create" in one.op),
                default=0.0,
            ),
            1,
        ),
    }


def _creation_started(done: Result, type_: str) -> float:
    """Seconds from an update's begin to that of the first creation of a type; 0 without one."""
    return min((one.started for one in done.operations if one.type == type_ and "create" in one.op), default=0.0)


def _creation_ended(done: Result, suffix: str) -> float:
    """Seconds from an update's begin until a step's creation ended; 0 without one."""
    return round(
        max((one.ended for one in done.operations if one.name.endswith(suffix) and "create" in one.op), default=0.0), 1
    )


def _serving_colors(watch: InvariantWatch) -> set[str]:
    """The colors that have production in the newest sample."""
    if not watch.samples:
        return set()
    now = watch.samples[-1]
    return {group.color for group in now.groups if any(now.weights.get(arn) for arn in group.target_groups)}


def _change_count(result: Result) -> int:
    return sum(count for kind, count in result.changes.items() if kind != "same")


def plan_block(text: str) -> str:
    """The rollout plan's block out of what an engine printed: its heading, and the lines indented below it."""
    lines = text.splitlines()
    headings = [number for number, line in enumerate(lines) if line.strip().startswith("rollout plan of")]
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
