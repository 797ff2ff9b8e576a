"""`make step NAME=... STACK=...`: a step by hand gets what the last update gave it."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from tests.support.account import moto_only
from tests.support.standins import Bench
from tools import by_hand, stack_identity
from tools.history import HistoryError

CONFIG = {"aws:region": {"value": "eu-west-1"}, "phoenix:service": {"value": "shop"}}


def command(step: str, *, key: str = "create", **given: str) -> dict[str, Any]:
    """A step's command in the state."""
    variables = {f"PHOENIX_{name.upper()}": value for name, value in given.items()}
    names = {"PHOENIX_OPTIONS": " ".join(sorted(given)), "PHOENIX_PROJECT": "", "AWS_PROFILE": "a"}
    return {"inputs": {key: f"sh steps/run {step}; exit $?", "environment": {**variables, **names}}}


def state(*commands: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": {"resources": [{"type": "pulumi:pulumi:Stack"}, *commands]}}


def test_what_the_last_update_gave_is_given_again_and_nothing_else() -> None:
    verify = command("verify", stack="shop/dev", target_group="arn:1", smoke_command="")
    found = by_hand.recorded_options("verify", state(command("promote", stack="shop/dev"), verify), identity="shop/dev")
    assert found == {"stack": "shop/dev", "target_group": "arn:1", "smoke_command": ""}


def test_a_step_that_runs_when_something_is_deleted_is_found_too() -> None:
    found = by_hand.recorded_options("guard", state(command("guard", key="delete", stack="a/b")), identity="a/b")
    assert found == {"stack": "a/b"}


def test_another_services_and_what_is_on_its_way_out_are_not_taken() -> None:
    other, old = (
        command("verify", stack="blog/dev"),
        {**command("verify", stack="shop/dev", color="blue"), "delete": True},
    )
    mine = command("verify", stack="shop/dev", color="green")
    assert by_hand.recorded_options("verify", state(other, old, mine), identity="shop/dev")["color"] == "green"
    assert by_hand.recorded_options("verify", state(other, old), identity="shop/dev") == {}
    assert by_hand.recorded_options("verify", {"deployment": None}, identity="shop/dev") == {}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The commands that were begun; the stack's last update ran verify."""
    lines: list[list[str]] = []

    def run(line: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        lines.append(line)
        return subprocess.CompletedProcess(line, 7)

    said = state(command("verify", stack="shop/dev", color="green"))
    monkeypatch.setattr("tools.by_hand.subprocess.run", run)
    monkeypatch.setattr(by_hand, "pulumi", lambda *_, **__: said)
    monkeypatch.setattr(stack_identity, "pulumi", lambda *_, **__: CONFIG)
    moto_only(monkeypatch)
    with mock_aws():
        yield lines


def test_what_is_typed_wins_and_the_steps_answer_is_the_commands(
    ran: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert by_hand.main("verify", "dev", "--color", "blue") == 7
    [line] = ran
    assert line[:3] == ["sh", "steps/run", "verify"] and line[-4:] == ["--stack", "shop/dev", "--color", "blue"]
    assert line.index("green") < line.index("blue")
    assert "as the last update did: sh steps/run verify" in capsys.readouterr().err


def test_a_step_that_no_update_runs_is_told_whose_stack_it_is(
    ran: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand.main("packages", "dev", "--image", "abc")
    by_hand.main("retire", "dev")
    packages, retire = ran
    assert shlex.join(packages[3:]) == (
        "--stack shop/dev --account 123456789012 --region eu-west-1 --service shop --image abc"
    )
    assert "--service" not in retire, "it has no such option"
    assert "no update of this stack runs it" in capsys.readouterr().err


def test_no_stack_is_said_and_nothing_runs(
    ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no(*_: str, **__: bool) -> Any:
        raise HistoryError("no stack named 'dev' found")

    monkeypatch.setattr(stack_identity, "pulumi", no)
    assert by_hand.main("verify", "dev") == 1
    assert "no stack named" in capsys.readouterr().err and ran == []


def test_a_step_that_is_none_is_told_by_who_knows_them(ran: list[list[str]]) -> None:
    by_hand.main("verifi", "dev")
    assert ran == [["sh", "steps/run", "verifi"]]


def test_the_command_asks_for_a_name(tmp_path: Path) -> None:
    on = Bench(tmp_path)
    on.stand_in("pulumi")
    done = on.run("sh", "tools/stack.sh", "step", "dev")
    assert done.returncode == 1 and "make step NAME=verify STACK=dev" in done.stderr
    assert json.dumps(on.calls) == "[]"
