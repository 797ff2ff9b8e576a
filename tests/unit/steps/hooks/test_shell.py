"""A hook that is a command: its exit code is the answer, and nothing of it outlives its time."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from core.errors import StepError
from steps.runtime.signals import Interrupted, Interrupts
from tests.unit.steps.cloud import GREEN, STACK
from tests.unit.steps.hooks.conftest import Asked


def test_exit_code_0_lets_it_go_on_and_the_facts_are_on_stdin(asked: Asked, tmp_path: Path) -> None:
    asked.environment["OUT"] = str(tmp_path / "facts")
    asked.hooks(target='cat >"$OUT"; echo "$PHOENIX_HOOK"').ask("beforeShift", production={"green": 0, "blue": 100})
    said = json.loads((tmp_path / "facts").read_text())
    assert (said["hook"], said["stack"], said["generation"]) == ("beforeShift", STACK, GREEN)
    assert said["production"] == {"green": 0, "blue": 100}
    assert "beforeShift: beforeShift" in asked.said()


def test_nobody_waits_for_a_command_that_does_not_read_its_facts(asked: Asked) -> None:
    asked.hooks(target="exec <&-; exit 0").ask("beforeShift")


def test_another_exit_code_refuses_with_the_last_lines(asked: Asked) -> None:
    command = 'for i in 1 2 3 4 5 6; do echo "line $i"; done; echo "token $PHOENIX_PREVIEW_TOKEN" >&2; exit 3'
    with pytest.raises(StepError) as error:
        asked.hooks(target=command).ask("beforeShift", then="; production was not touched")
    text = str(error.value)
    assert text.startswith(
        f"PHX-022: the hook beforeShift refused green {GREEN}; production was not touched\n"
        "Why: it ended with exit code 3\n"
    )
    assert "| line 3\n" in text and "| line 2\n" not in text
    assert "| token ***" in text
    assert "s3cret-token" not in text + asked.said()


def test_exit_code_75_is_asked_again(pretending: Asked, tmp_path: Path) -> None:
    pretending.environment["SEEN"] = str(tmp_path / "seen")
    command = 'echo x >>"$SEEN"; [ "$(wc -l <"$SEEN")" -ge 3 ] || exit 75'
    pretending.hooks(target=command, timeout_seconds=100).ask("beforeShift")
    assert (tmp_path / "seen").read_text() == "x\nx\nx\n"
    assert pretending.clock.now() == pytest.approx(60)
    assert "the hook beforeShift waits" in pretending.said()


def test_one_that_says_wait_for_ever_is_asked_until_its_time_is_over(pretending: Asked, tmp_path: Path) -> None:
    pretending.environment["SEEN"] = str(tmp_path / "seen")
    with pytest.raises(StepError) as error:
        pretending.hooks(target='echo x >>"$SEEN"; exit 75', timeout_seconds=100).ask("beforeShift")
    assert "PHX-023: the hook beforeShift did not let green" in str(error.value)
    assert "it said wait: it ended with exit code 75" in str(error.value)
    assert len((tmp_path / "seen").read_text().split()) == 4, "at 0, 30, 60 and 90 s"
    assert pretending.clock.now() == pytest.approx(100)


def test_its_time_ends_the_command_and_all_that_it_started(asked: Asked, tmp_path: Path) -> None:
    asked.environment["PIDS"] = str(tmp_path / "pids")
    began = time.monotonic()
    with pytest.raises(StepError) as error:
        asked.hooks(target='sleep 600 & echo $! $$ >"$PIDS"; wait', timeout_seconds=1).ask("beforeShift")
    assert "within 1 s" in str(error.value) and "it was not done" in str(error.value)
    assert time.monotonic() - began < 10
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        ended(pid)


def test_what_goes_on_in_the_background_ends_with_the_answer(asked: Asked, tmp_path: Path) -> None:
    asked.environment["PIDS"] = str(tmp_path / "pids")
    asked.hooks(target='sleep 600 >/dev/null 2>&1 & echo $! >"$PIDS"').ask("beforeShift")
    ended(int((tmp_path / "pids").read_text()))


def test_an_interrupt_ends_the_command(asked: Asked, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    asked.environment["PIDS"] = str(pids)

    def interrupt() -> None:
        while not (pids.exists() and pids.read_text().strip()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    with Interrupts().listening():
        thread.start()
        with pytest.raises(Interrupted, match="SIGTERM"):
            asked.hooks(target='echo $$ >"$PIDS"; exec sleep 600').ask("beforeShift")
    thread.join()
    ended(int(pids.read_text()))


def test_a_group_that_does_not_do_well_ends_the_wait(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.hooks.asking.TICK_SECONDS", 0.1)

    def look() -> None:
        raise StepError("PHX-711", "it failed its checks under production traffic")

    with pytest.raises(StepError, match="PHX-711"):
        asked.hooks(target="sleep 600").ask("beforeShift", look=look)


def test_every_wait_shows_how_far_it_is(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.hooks.asking.TICK_SECONDS", 0.1)
    asked.hooks(target="sleep 0.5").ask("beforeShift")
    assert "s of 20 s] waiting for the answer of the hook beforeShift" in asked.said()


def test_what_is_only_told_stops_nothing(asked: Asked) -> None:
    asked.hooks(name="onRollback", target="exit 1").tell("onRollback", production={"blue": 100}, reason="why")
    asked.hooks(name="onRollback", target="sleep 9", timeout_seconds=1).tell("onRollback", production={}, reason="")
    asked.hooks().tell("onRollback", production={}, reason="nobody is told")
    lines = [line for line in asked.said().splitlines() if "PHX-024" in line]
    assert len(lines) == 2
    assert lines[0].endswith("the hook onRollback failed; nothing waits for it: it ended with exit code 1")
    assert lines[1].endswith("nothing waits for it: it was not done")


def ended(pid: int) -> None:
    """The kernel needs a moment to end what it was told to kill."""
    until = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < until, f"{pid} still runs"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
