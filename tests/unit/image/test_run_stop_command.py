"""What runs the stack's stopCommand on a server: when, for how long, and that the group is told to go on."""

from __future__ import annotations

import json
import runpy
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from rehearsal import PROJECT

# Run, not imported: what is compiled would lie in the image's folder.
TOOL = SimpleNamespace(**runpy.run_path(str(PROJECT / "image" / "common" / "run_stop_command.py")))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits for ever"


def said(*answers: Any) -> Any:
    """Answers one after the other, and the last again and again; an exception is raised."""
    rest: Iterator[Any] = iter(answers)
    last = None

    def look() -> Any:
        nonlocal last
        last = next(rest, last)
        if isinstance(last, BaseException):
            raise last
        return last

    return look


def waited(**looks: Any) -> tuple[str, float]:
    clock = Clock()
    looks = {"target": said("InService"), "spot": said(None), "state": said("InService"), **looks}
    return TOOL.wait_for_end(**looks, clock=clock, sleep=clock.sleep), clock.now


def test_the_command_runs_once_requests_have_ended_and_not_while_the_server_drains() -> None:
    why, seconds = waited(
        target=said(None, "InService", "Terminated"),
        state=said("Terminating", "Terminating", "Terminating:Wait"),
    )
    assert (why, seconds) == ("the group takes this server out of service", 20)


def test_a_spot_server_that_is_taken_back_does_not_wait_for_its_requests() -> None:
    notice = '{"action": "terminate", "time": "2026-11-28T12:00:00Z"}'
    why, seconds = waited(target=said("Terminated"), state=said("Terminating"), spot=said(None, None, notice))
    assert (why, seconds) == ("EC2 takes this Spot server back", 10)


@pytest.mark.parametrize("answer", [None, EndpointConnectionError(endpoint_url="https://autoscaling"), OSError("no")])
def test_a_server_that_can_not_ask_its_group_believes_its_metadata_after_half_a_minute(answer: Any) -> None:
    why, seconds = waited(target=said("Terminated"), state=said(answer))
    assert "tells no more of it" in why
    assert seconds == 30


def test_metadata_that_does_not_answer_is_no_end() -> None:
    silent = OSError("no")
    _, seconds = waited(target=said(silent, silent, "Terminated"), spot=said(silent), state=said("Terminating:Wait"))
    assert seconds == 10


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "late"
    began = time.monotonic()
    assert TOOL.run(f"(trap '' TERM; sleep 4; touch {mark}) & sleep 60", 0.2) == 124
    assert "did not end within 0.2 s" in capfd.readouterr().err
    time.sleep(max(0.0, 4.5 - (time.monotonic() - began)))
    assert not mark.exists(), "what ignores SIGTERM in the background is ended too"


def test_what_a_command_left_in_the_background_does_not_outlive_it(tmp_path: Path) -> None:
    mark = tmp_path / "late"
    assert TOOL.run(f"(sleep 1; touch {mark}) & exit 3", 10) == 3
    time.sleep(1.5)
    assert not mark.exists()


def test_the_group_is_told_until_it_listens(capfd: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    early: Any = {"Error": {"Code": "ValidationError", "Message": "No active Lifecycle Action found"}}
    TOOL.go_on(said(ClientError(early, "CompleteLifecycleAction"), None), clock=clock, sleep=clock.sleep)
    assert clock.now == 5
    assert "the group goes on with this server's end" in capfd.readouterr().err


def test_a_group_that_can_not_be_told_goes_on_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    TOOL.go_on(said(OSError("unreachable")), clock=clock, sleep=clock.sleep)
    assert clock.now == 60
    assert "FAILED: the group was not told to go on, and does so when its time is over" in capfd.readouterr().err


def test_a_file_that_can_not_be_read_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "stop.json"
    file.write_text(json.dumps({"region": "eu-west-1", "command": "true", "seconds": 1}))
    assert TOOL.main([str(file)]) == 1
    assert "stopCommand will not run" in capfd.readouterr().err
