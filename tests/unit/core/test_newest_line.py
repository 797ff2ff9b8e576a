"""The newest line of a step, for the row on which the program shows it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from core import newest_line
from core.progress import Progress, RealClock


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def progress(stack: str) -> Progress:
    clock = RealClock()
    whole = Progress(clock, stream=io.StringIO(), newest=lambda text: newest_line.leave(stack, text))
    return whole.bounded(300.0)


def test_the_line_is_there_for_whoever_asked_without_the_time_in_front() -> None:
    path = newest_line.invite("shop/prod")
    told = progress("shop/prod")
    told.line("canary: green 10 %, blue 90 %:\n 2 of 2 servers healthy")
    assert path.read_text() == "canary: green 10 %, blue 90 %: 2 of 2 servers healthy"
    told.line("\x1b[2Jdone")
    assert path.read_text() == "done", "nothing in it is a command to a terminal"


def test_nothing_is_written_where_nobody_asked(project: Path) -> None:
    progress("shop/prod").line("canary")
    assert list(project.iterdir()) == []


def test_another_stack_s_line_is_not_this_one_s() -> None:
    path = newest_line.invite("shop/prod")
    progress("shop/dev").line("canary")
    assert path.read_text() == ""


def test_a_file_that_can_not_be_written_stops_no_step(project: Path) -> None:
    path = newest_line.invite("shop/prod")
    path.unlink()
    path.mkdir()
    progress("shop/prod").line("canary")
    assert {one.name for one in newest_line.FOLDER.iterdir()} == {".gitignore", path.name}


def test_git_sees_nothing_of_it() -> None:
    newest_line.invite("shop/prod")
    assert (newest_line.FOLDER / ".gitignore").read_text() == "*\n"
