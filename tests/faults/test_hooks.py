"""Hooks of the user's at every point of an update, and one of them that says no."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import approvals
from core.approvals import Answer
from core.hooks import possible_names
from rehearsal import PROJECT
from tests.cycles.stack import IDENTITY, until
from tests.faults.test_guard import is_armed
from tests.faults.trial import Trial
from tests.support import schemas

BACK = "production traffic is back"
DETAIL = json.loads((PROJECT / "docs" / "schemas" / "release-event.json").read_text())["properties"]["detail"]
NAMES = possible_names([10, 50])


class Hooks:
    """Commands that write down what they are given; those in `refusing` say no, those in `waiting` wait once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "facts"
        self.log.touch()

    def config(self, *names: str) -> dict[str, Any]:
        command = (
            f"cat >>{self.log} && echo >>{self.log}"
            f" && if [ -e {self.folder}/no-$PHOENIX_HOOK ]; then echo the cart is empty; exit 3; fi"
        )
        return {name: {"command": command, "timeoutSeconds": 60} for name in names}

    def refuse(self, name: str) -> None:
        (self.folder / f"no-{name}").touch()

    def heal(self) -> None:
        for file in self.folder.glob("no-*"):
            file.unlink()

    def asked(self) -> list[tuple[str, dict[str, int]]]:
        """Each with what production was; what was asked before is forgotten."""
        found = [json.loads(line) for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        for one in found:
            schemas.validate(one, DETAIL)
        return [(one["hook"], one["production"]) for one in found]


@pytest.fixture
def hooks(trial: Trial, tmp_path: Path) -> Iterator[Hooks]:
    yield Hooks(tmp_path)
    trial.stack.unset("hooks")


def test_a_hook_that_refuses_half_of_the_traffic(trial: Trial, hooks: Hooks) -> None:
    """Each is asked where it should be, with what production is then; and after it is healed, again."""
    new, old = trial.new, trial.live.color
    trial.change(hooks=hooks.config(*NAMES))
    hooks.refuse("atShare50")
    said = trial.refused("was not promoted", "the hook atShare50 refused", "| the cart is empty", BACK)
    assert "hook afterVerify (at most 60 s)" in said, "the plan shows them"
    assert hooks.asked() == [
        ("afterVerify", {}),
        ("beforeShift", {old: 100}),
        ("atShare10", {new: 10, old: 90}),
        ("atShare50", {new: 50, old: 50}),
        ("onRollback", {old: 100}),
    ]
    hooks.heal()
    trial.ends()
    asked = [name for name, _ in hooks.asked()]
    if trial.ending == "forward":
        assert asked == ["beforeShift", "atShare10", "atShare50", "afterPromote"], "it was verified already"
        before = trial.stack.groups()
        trial.stack.set(hooks={"atShare10": {"command": ":", "timeoutSeconds": 61}})
        trial.stack.idle()
        assert trial.stack.groups() == before, "hooks are no part of a server"
    else:
        assert asked == [], "a way back asks nobody"


def test_a_hook_that_refuses_when_production_has_moved(trial: Trial, hooks: Hooks) -> None:
    trial.change(hooks=hooks.config("afterPromote", "onRollback"))
    hooks.refuse("afterPromote")
    trial.refused("was not promoted", "the hook afterPromote refused", BACK)
    new, old = trial.new, trial.live.color
    assert hooks.asked() == [("afterPromote", {new: 100, old: 0}), ("onRollback", {old: 100})]
    hooks.heal()
    trial.ends()


@pytest.mark.parametrize("trial", ["back"], indirect=True)
def test_a_hook_is_asked_then_a_person_and_then_aws_watches(trial: Trial, hooks: Hooks) -> None:
    new, old = trial.new, trial.live.color
    ssm = trial.stack.cloud.client("ssm")
    trial.change(hooks=hooks.config(*NAMES), approveAt=[10], approvalTimeoutMinutes=5, guardHours=1)
    running = trial.begin()
    until(lambda: approvals.asked(ssm, IDENTITY) is not None, what="the request", but=lambda: trial.heard[-5:])
    assert [name for name, _ in hooks.asked()] == ["afterVerify", "beforeShift", "atShare10"]
    assert trial.share() == 10
    request = approvals.asked(ssm, IDENTITY)
    assert request is not None and request.share == 10
    approvals.answer(ssm, IDENTITY, Answer(request=request, decision=approvals.APPROVE))
    done = trial.wait(running)
    assert done.ok, done.text
    assert hooks.asked() == [("atShare50", {new: 50, old: 50}), ("afterPromote", {new: 100, old: 0})]
    assert is_armed(trial)
    trial.ends()
    assert hooks.asked() == [], "a way back asks nobody"
