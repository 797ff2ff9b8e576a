"""Who is shown the newest line of the steps, and which lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from components.progress_row import follow, is_watched
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
