"""A canary that waits for a person: approved, rejected, without a word, killed while it waits, and with all else on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import approvals
from rehearsal import PROJECT
from rehearsal.engine import Running
from tests.cycles.stack import IDENTITY, until
from tests.faults.test_growth import BACK, four_servers
from tests.faults.test_guard import again, is_armed
from tests.faults.trial import Trial

# What `make approve` asks of Pulumi: the stack's configuration.
PULUMI = f"""#!{sys.executable}
import json, os, pathlib, yaml
said = yaml.safe_load(pathlib.Path(os.environ["STACK_FILE"]).read_text())["config"]
print(json.dumps({{key: {{"value": value}} for key, value in said.items() if isinstance(value, str)}}))
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with a `pulumi` that knows the stack's configuration, for whoever approves."""
    shim = tmp_path / "bin" / "pulumi"
    shim.parent.mkdir()
    shim.write_text(PULUMI)
    shim.chmod(0o755)
    return shim.parent


def waits(trial: Trial, share: int = 10, **keys: Any) -> Running:
    """An update whose canary waits at its first share."""
    trial.change(approveAt=[10], **keys)
    running = trial.begin()
    until(lambda: any("waiting for somebody to approve" in line for line in trial.heard), what="it asks")
    assert trial.share() == share
    return running


def answers(trial: Trial, tools: Path, word: str, reason: str = "") -> str:
    """`make approve` or `make reject` of the stack, by somebody else. Returns what it printed."""
    said = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "REASON": reason,
        "STACK_FILE": str(trial.stack.shop.folder / "Pulumi.local.yaml"),
    }
    done = subprocess.run(
        ["sh", "tools/stack.sh", word, "local"],
        cwd=PROJECT,
        env={**trial.stack.engine.invocation("up").environment, **said},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def ends(trial: Trial, *, asked: bool = False) -> None:
    """Nobody is asked any more, and nothing is left to be answered but what a killed step `asked`."""
    trial.stack.unset("approveAt")
    trial.ends()
    ssm = trial.stack.cloud.client("ssm")
    assert (approvals.asked(ssm, IDENTITY) is not None) is asked
    approvals.forget(ssm, IDENTITY)


def test_approved_by_somebody(trial: Trial, tools: Path) -> None:
    running = waits(trial)
    assert "at 10 % is approved" in answers(trial, tools, "approve")
    done = trial.wait(running)
    assert done.ok, done.text
    assert trial.stack.weights() == {trial.new: 100}
    ends(trial)


def test_rejected_by_somebody(trial: Trial, tools: Path) -> None:
    running = waits(trial)
    trial.strike()
    answers(trial, tools, "reject", "the cart is empty")
    trial.ends_badly(running, "at 10 % was rejected by", "the cart is empty", BACK)
    ends(trial)


def test_nobody_says_a_word(trial: Trial) -> None:
    running = waits(trial, approvalTimeoutMinutes=1)
    trial.ends_badly(running, "nobody approved", "within 1 minutes (approvalTimeoutMinutes)", BACK)
    ends(trial)


@pytest.mark.parametrize("what", ["the engine", "the machine"])
def test_killed_while_it_waits(trial: Trial, what: str) -> None:
    """Of the engine alone: its step puts production back. With all that it started: the share stays, unasked."""
    running = waits(trial)
    trial.killed(running, what, at={trial.live.color: 90, trial.new: 10})
    ends(trial, asked=what == "the machine")


@pytest.mark.parametrize("trial", ["back"], indirect=True)
def test_with_servers_that_come_with_its_traffic_and_a_guard_after_it(trial: Trial, tools: Path) -> None:
    """Held with the servers of its share; then AWS watches all that came, and goes back to all that were before."""
    with four_servers(trial):
        running = waits(trial, canaryCapacity="proportional", canaryPauseSeconds=1, guardHours=1)
        born = trial.born()
        assert born and len(born.instances) == 2
        answers(trial, tools, "approve")
        done = trial.wait(running)
        assert done.ok, done.text
        assert trial.stack.weights() == {trial.live.color: 0, trial.new: 100}
        assert is_armed(trial)
        assert {len(group.instances) for group in trial.stack.groups().values()} == {4}
        again(trial)
        trial.stack.unset("approveAt")
