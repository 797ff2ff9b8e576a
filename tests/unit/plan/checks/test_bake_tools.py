"""What a bake needs on this machine is missed before anything has begun, and only by an update that bakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.engine_call import Call
from plan.checks import bake_tools
from plan.image_source import ImageSource
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, live, recipe, settings

BAKE = ImageSource("1" * 64, "baked from scratch", needs_bake=True)
UP = Call(operation="up")


def codes(source: ImageSource = BAKE, call: Call | None = UP, **values: Any) -> list[str]:
    given = settings(**values)
    plan = decide_rollout(given, recipe("1" * 12), live(), now=NOW)
    return [one.code for one in bake_tools.problems(given, plan, source, call)]


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def installed(path: Path, name: str) -> None:
    (path / name).write_text("#!/bin/sh\n")
    (path / name).chmod(0o755)


def test_an_update_that_bakes_needs_packer(path: Path) -> None:
    assert codes() == ["PHX-359"]
    installed(path, "packer")
    assert codes() == []


def test_session_manager_needs_its_plugin(path: Path) -> None:
    installed(path, "packer")
    through: dict[str, Any] = {"packer_variables": {"session_manager_profile": "builder"}}
    assert codes(**through) == ["PHX-360"]
    installed(path, "session-manager-plugin")
    assert codes(**through) == []


def test_who_bakes_nothing_needs_nothing() -> None:
    assert codes(replace(BAKE, needs_bake=False)) == []
    assert codes(image_from="222222222222/eu-west-1") == [], "copied"
    assert codes(call=Call(operation="preview")) == []
    assert codes(call=None) == []
