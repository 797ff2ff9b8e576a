"""Who is shown the newest line of the steps, and which lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components import progress_row
from components.progress_row import follow, is_watched, show_progress
from core import newest_line
from core.engine_call import Call


@pytest.mark.parametrize(
    ("operation", "arguments", "watched"),
    [
        ("up", ["--yes"], True),
        ("up", ["--yes", "--non-interactive"], False),
        ("up", ["--diff"], False),
        ("up", ["--json"], False),
        ("destroy", [], False),
    ],
)
def test_whoever_types_up_in_a_terminal_watches(
    operation: str, arguments: Sequence[str], watched: bool, tmp_path: Path
) -> None:
    terminal = tmp_path / "tty"
    terminal.touch()
    call = Call(operation=operation, arguments=tuple(arguments))
    assert is_watched(call, terminal=terminal) is watched
    assert not is_watched(call, terminal=tmp_path / "none"), "a session without a terminal: lines would come twice"


def test_who_does_not_know_the_engine_s_call_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "tty").touch()
    assert not is_watched(None, terminal=tmp_path / "tty")


def test_each_new_line_is_said_once_until_the_file_is_gone(tmp_path: Path) -> None:
    path, said = tmp_path / "line", list[str]()
    path.write_text("")
    seen = iter(["canary", "canary", "soak", None])

    def sleep(_: float) -> None:
        text = next(seen)
        path.unlink() if text is None else path.write_text(text)

    follow(path, said.append, sleep)
    assert said == ["canary", "soak"]


def test_a_loop_that_has_ended_ends_it(tmp_path: Path) -> None:
    (tmp_path / "line").write_text("canary")

    def say(_: str) -> None:
        raise RuntimeError("Event loop is closed")

    follow(tmp_path / "line", say)


def test_what_a_step_writes_stands_on_the_row_and_not_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, said = cast(pulumi.Resource, object()), list[tuple[str, object, bool]]()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress_row, "is_watched", lambda *_, **__: True)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)

    async def update() -> None:
        told = asyncio.Event()

        def info(text: str, resource: Any, *, ephemeral: bool) -> None:
            said.append((text, resource, ephemeral))
            told.set()

        monkeypatch.setattr(pulumi.log, "info", info)
        show_progress(row, stack="shop/dev")
        newest_line.leave("shop/dev", "canary: green 10 %")
        await asyncio.wait_for(told.wait(), 30)

    asyncio.run(update())
    newest_line.place("shop/dev").unlink()
    assert said == [("canary: green 10 %", row, True)]
