"""The scenario's own judgement: what it measures, and what it takes for broken. The clouds are stubs here."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console as RichConsole

from rehearsal.engine import Operation, Result
from rehearsal.scenario import scenario
from rehearsal.scenario.console import Console
from rehearsal.scenario.load import Request
from rehearsal.scenario.scenario import Scenario, ScenarioError, update_durations
from rehearsal.scenario.watch import GroupSample, Sample


def operation(
    name: str, started: float, seconds: float, op: str = "create", kind: str = "command:local:Command"
) -> Operation:
    return Operation(op, kind, name, f"urn::{name}", started, seconds)


BIRTH = (
    operation("drill-dev-green-image-bake", 1, 400, "create-replacement"),
    operation("drill-dev-blue-image-bake", 0, 500, "same"),
    operation("drill-dev-green", 402, 10, kind=scenario.GROUP),
    operation("drill-dev-verify", 415, 60),
    operation("drill-dev-promote", 476, 120, "update"),
    operation("drill-dev-promote", 476, 30, "create-replacement"),
)


def test_bake_birth_and_flip_are_measured_from_the_engines_operations() -> None:
    done = Result(0, {}, BIRTH, "")
    assert update_durations(done) == {"bake_seconds": 400, "birth_seconds": 475 - 402, "flip_seconds": 30}
    assert update_durations(Result(0, {}, (), "")) == {"bake_seconds": 0, "birth_seconds": 0, "flip_seconds": 0}


@dataclass
class Stub:
    """Engine, place, project and load in one: every update succeeds but the one to a bad image."""

    bad_fails: bool = True
    bake_fails: bool = False
    serving: str = "blue"
    bad: bool = False
    active: str = "blue"
    name: str = "pulumi 3"
    aws_plugin: str = "7"
    packer: str = "1"
    cloud: str = "local"
    region: str = "here"
    account: str = ""
    servers: str = "stubs"
    identity: str = "drill/dev"
    scripts_run: bool = True
    stand_in: bool = False
    did: list[str] = field(default_factory=list)

    def up(self, on_line: Any = None) -> Result:
        self.did.append(f"up {self.active}")
        failed = (self.bad and self.bad_fails) or (self.bake_fails and self.active == "green")
        # Birth, flip, and then the one without a change.
        changes = {"same": 3} if sum(one.startswith("up ") for one in self.did) == 3 else {"create": 1}
        return Result(int(failed), changes, BIRTH, "why it failed" if failed else "")

    def preview(self) -> Result:
        return Result(0, {}, (), "rollout plan of x\n  image  baked from scratch")

    def config_set(self, key: str, value: str, **_: Any) -> None:
        self.active = value

    def outputs(self) -> Any:
        return {"live": {"packages": {"difference": "+ one"}}}

    def resources(self) -> list[Any]:
        return []

    @contextmanager
    def watch(self) -> Any:
        group = GroupSample(
            name="g",
            color=self.serving,
            generation="a",
            verified=True,
            is_deleting=False,
            in_service=1,
            template="t",
            target_groups=("arn",),
        )
        samples = [Sample(t=0, weights={"arn": 1}, groups=(group,))]
        yield type("Watched", (), {"samples": samples, "violations": [], "seconds": 1})

    def url(self, engine: Any) -> str:
        return "http://stub/"

    def events(self, watch: Any) -> list[Any]:
        return []

    def break_image(self, project: Any, engine: Any) -> str:
        self.bad = True
        return "a mistake"

    def patch_by_hand(self) -> None:
        return None

    def add_log_collector(self) -> str:
        return "a script"

    def commit(self, message: str) -> None:
        self.did.append(message)

    def revert(self) -> None:
        self.bad, self.active = False, "blue"

    def client(self, service: str) -> Any:
        groups = [{"Tags": [{"Key": "phoenix:color", "Value": self.active}]}]
        pages = type("Pages", (), {"paginate": lambda self, **_: [{"AutoScalingGroups": groups}]})()
        return type(
            "Client",
            (),
            {"describe_images": lambda self, **_: {"Images": []}, "get_paginator": lambda self, name: pages},
        )()


class NoLoad:
    def __init__(self, **_: Any) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def requests(self) -> list[Request]:
        return []


def tell(monkeypatch: pytest.MonkeyPatch, stub: Stub) -> Any:
    monkeypatch.setattr(scenario, "Load", NoLoad)
    monkeypatch.setattr(scenario, "find_orphans", lambda *_: [])
    monkeypatch.setattr("rehearsal.scenario.scenario.time.sleep", lambda _: None)
    any_: Any = stub
    run = Scenario(backend=any_, engine=any_, project=any_, console=Console(RichConsole(file=io.StringIO())))
    report, _ = run.run(rate=1, out=Path("nowhere"), bad_image=True)
    return report


def test_a_good_run_is_measured_and_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    report = tell(monkeypatch, Stub())
    assert report.violations == []
    assert set(report.measurements) == {
        "bake_seconds",
        "birth_seconds",
        "flip_seconds",
        "way_back_seconds",
        "detection_seconds",
    }
    assert report.measurements["way_back_seconds"] == 506
    assert [stage.name for stage, _ in report.stages][-2:] == ["a bad image", "the mistake is reverted"]


def test_a_bad_image_that_is_taken_or_that_gets_production_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "an update to a bad image did not fail" in tell(monkeypatch, Stub(bad_fails=False)).violations
    assert "after a bad image production has {'green'}, not blue" in tell(monkeypatch, Stub(serving="green")).violations


def test_an_update_that_must_not_fail_ends_the_run_at_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScenarioError, match=r"`up` failed \(1\) at the stage flip to green:\nwhy it failed"):
        tell(monkeypatch, Stub(bake_fails=True))
