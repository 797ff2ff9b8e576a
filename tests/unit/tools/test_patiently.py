"""A cancelled CI job leaves the update that it started the time to end well."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import PROJECT
from tests.support.standins import IGNORING

# Told to stop it goes on for a moment, as an update that puts weights back does.
UPDATE = """
import pathlib, signal, sys, time
folder, told = pathlib.Path(sys.argv[1]), []
signal.signal(signal.SIGINT, lambda *_: told.append(1))
print("updating", flush=True)
while not told:
    time.sleep(0.05)
print("interrupted", flush=True)
while not (folder / "go on").exists():
    time.sleep(0.05)
print("weights are back", flush=True)
(folder / "ended").touch()
"""


def begin(folder: Path, *arguments: str, shell: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    call = (
        "import sys, pathlib; from tools import patiently;"
        " sys.exit(patiently.main(sys.argv[2:], pathlib.Path(sys.argv[1])))"
    )
    return subprocess.Popen(
        [*shell, sys.executable, "-c", call, str(folder / "state"), *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def update(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "update.py").write_text(UPDATE)
    process = begin(tmp_path, "run", sys.executable, str(tmp_path / "update.py"), str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == "updating\n"
    yield process
    (tmp_path / "go on").touch()
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_step_ends_at_once_and_the_update_when_it_is_done(
    number: signal.Signals, update: subprocess.Popen[str], tmp_path: Path
) -> None:
    update.send_signal(number)
    assert update.wait(30) == 130
    assert not (tmp_path / "ended").exists()
    waiting = begin(tmp_path, "wait")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.5)
    (tmp_path / "go on").touch()
    said, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 0
    assert said.splitlines()[-1] == "weights are back"
    assert (tmp_path / "ended").exists()
    assert update.stdout is not None
    assert "weights are back" not in update.stdout.read()


def test_the_command_can_be_interrupted_also_where_this_was_started_with_signals_ignored(tmp_path: Path) -> None:
    # A shell that traps could not be interrupted, were its signals ignored from the start.
    update = "trap 'echo weights are back; exit 9' INT; echo updating; while :; do sleep 0.05; done"
    running = begin(tmp_path, "run", "sh", "-c", update, shell=IGNORING)
    assert running.stdout is not None
    assert running.stdout.readline() == "updating\n"
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 130
    waiting = begin(tmp_path, "wait")
    try:
        said, _ = waiting.communicate(timeout=30)
        assert said.splitlines()[-1] == "weights are back"
    finally:
        waiting.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((tmp_path / "state" / "pid").read_text()), signal.SIGKILL)


def test_output_and_exit_code_are_the_commands(tmp_path: Path) -> None:
    running = begin(tmp_path, "run", "sh", "-c", "echo out; echo err >&2; exit 3")
    said, _ = running.communicate(timeout=30)
    assert (said, running.returncode) == ("out\nerr\n", 3)


def test_there_is_nothing_to_wait_for_when_nothing_was_begun(tmp_path: Path) -> None:
    assert begin(tmp_path, "wait").wait(30) == 0
