"""Whole cycles: the scenario on the local cloud, on each engine that this machine has; and Ctrl-C in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from rehearsal import PROJECT
from rehearsal.scenario import page
from rehearsal.scenario.console import Console
from rehearsal.scenario.local import plan_block, run_scenario
from rehearsal.scenario.record import read
from tests.support.standins import IGNORING

QUICK = {"canaryPauseSeconds": 2, "settleSeconds": 1, "soakSeconds": 1, "drainSeconds": 1}


@pytest.mark.parametrize(
    "engine",
    [
        "stand-in",
        pytest.param(
            "pulumi", marks=pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")
        ),
    ],
)
def test_the_scenario_holds_every_invariant_and_fails_no_request(engine: str, tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        report, timeline = run_scenario(
            tmp_path / "scenario",
            Console(RichConsole(file=said, width=200)),
            rate=50,
            settings=QUICK,
            stand_in=engine == "stand-in",
            bad_image=True,
        )
    assert report.violations == []
    assert report.total.failed == 0
    assert report.engine.startswith(engine)
    by_stage = {stage.name: figures for stage, figures in report.stages}
    assert list(by_stage) == [
        "birth of blue",
        "blue serves",
        "a change: preview",
        "flip to green",
        "an update without a change",
        "flip back, nothing baked",
        "blue serves again",
        "a bad image",
        "the mistake is reverted",
    ]
    [old] = by_stage["blue serves"].answered_by
    [new] = by_stage["an update without a change"].answered_by
    assert set(by_stage["flip to green"].answered_by) == {old, new}
    assert set(by_stage["blue serves again"].answered_by) == {old}
    assert set(by_stage["a bad image"].answered_by) == {old}
    measured = report.measurements
    assert 0 < measured["detection_seconds"] < by_stage["a bad image"].seconds
    assert 0 < measured["flip_seconds"] < measured["birth_seconds"] + by_stage["flip to green"].seconds
    assert 0 < measured["way_back_seconds"] <= by_stage["flip back, nothing baked"].seconds
    assert by_stage["flip to green"].coexistence_seconds > 0
    plan = (tmp_path / "said").read_text()
    assert "launched    green" in plan
    assert "deleted     blue" in plan
    written = json.loads(report.write(tmp_path / "report").read_text())
    assert {
        "engine",
        "machines",
        "requests",
        "failed",
        "p50_ms",
        "p99_ms",
        "answered_by",
        "coexistence_seconds",
        "stages",
        "aws_plugin",
        "packer",
        "date",
    } <= set(written)
    record = read(tmp_path / "report" / "record.json")
    assert record.place == ("local stand-in" if engine == "stand-in" else "local real engine")
    assert record.held == tuple(by_stage)
    assert record.figures["requests"] == report.total.requests
    assert sum(sum(second.answered.values()) for second in timeline.seconds) == report.total.requests
    assert {server.color for server in timeline.servers} == {"blue", "green"}
    states = {server: {spell.state for spell in server.periods} for server in timeline.servers}
    assert all({"booting", "healthy"} <= seen for server, seen in states.items() if server.generation in (old, new))
    # Those of the bad image never were.
    bad = [seen for server, seen in states.items() if server.generation not in (old, new)]
    assert bad and not any("healthy" in seen for seen in bad)
    moved = [move.weights for move in timeline.weight_changes]
    assert (moved[0], moved[-1], {"green": 100} in moved) == ({"blue": 100}, {"blue": 100}, True)
    assert page.write(tmp_path / "report", report, timeline).read_text().count("<tr>") >= len(by_stage)


def test_the_rollout_plan_is_cut_out_of_what_an_engine_prints() -> None:
    text = (
        "    pulumi:pulumi:Stack  rollout plan of phoenix/dev\nDiagnostics:\n  Stack (dev):\n"
        "    rollout plan of phoenix/dev\n      launched  green\n      gates  verify\n\nResources:\n"
    )
    assert plan_block(text) == "rollout plan of phoenix/dev\n  launched  green\n  gates  verify"
    assert plan_block("no plan here") == "no plan here"


def _belonging_to(folder: Path) -> list[str]:
    """Processes whose arguments or environment name the folder."""
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A rehearsal under way, begun where SIGINT is ignored; each of its processes has `tmp_path` in its environment."""
    path = os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "pulumi").exists()
    )
    process = subprocess.Popen(
        [
            *IGNORING,
            sys.executable,
            "-m",
            "rehearsal",
            "--machines",
            "processes",
            "--rate",
            "20",
            "--report",
            str(tmp_path / "report"),
        ],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps to look for processes with")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rehearsal_leaves_nothing_behind(
    number: signal.Signals, rehearsal: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert rehearsal.stdout is not None
    for line in rehearsal.stdout:
        if "0 of 2 servers" in line:  # verify waits: engine, step and machines are all at work
            break
    assert len(_belonging_to(tmp_path)) >= 5
    rehearsal.send_signal(number)
    said = rehearsal.stdout.read()
    assert rehearsal.wait() == 130
    assert "interrupted; everything that was started is gone" in said
    deadline = time.monotonic() + 30
    while (left := _belonging_to(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
    assert list(tmp_path.glob("phoenix-rehearsal-*")) == []
