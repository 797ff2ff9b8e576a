"""What all steps share: options, errors, progress, one account, commands of others, interrupts."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from core import aws
from core.errors import StepError
from core.progress import LONGEST_LINE, Backoff, Progress, write
from core.times import iso
from steps.runtime import options, parsers, process
from steps.runtime.options import CommonOptions, option
from tests.unit.steps.cloud import FakeClock

PROJECT = Path(__file__).parents[3]
GOOD = {"PHOENIX_STACK": "phoenix/dev", "PHOENIX_ACCOUNT": "123456789012", "PHOENIX_REGION": "eu-west-1"}


@dataclass(frozen=True, kw_only=True)
class Given(CommonOptions):
    target_group: str = option("ARN of the target group", parse=parsers.arn)
    smoke_path: str = option("path to ask for, 100 % of it", parse=parsers.path, default="/")
    alarms: tuple[str, ...] = option("names", parse=parsers.json_names, default=())
    min_size: int = option("fewest", parse=parsers.integer(1, 10), default=1)


def read(*arguments: str, **environment: str) -> Given:
    return options.read_options(Given, step="try", about="Tries.", arguments=arguments, environment=environment)


ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/0123"


def test_an_option_comes_from_the_arguments_else_the_environment_else_its_default() -> None:
    given = read("--min-size", "3", **GOOD, PHOENIX_MIN_SIZE="2", PHOENIX_TARGET_GROUP=ARN, PHOENIX_ALARMS='["a"]')

    assert given.min_size == 3
    assert given.alarms == ("a",)
    assert given.smoke_path == "/"
    assert given.arns() == (ARN,)


def test_all_that_is_wrong_with_the_options_is_told_at_once() -> None:
    with pytest.raises(StepError) as error:
        read("--colour", "blue", **{**GOOD, "PHOENIX_ACCOUNT": "12"}, PHOENIX_MIN_SIZE="0", PHOENIX_ALARMS="x")

    assert str(error.value).splitlines() == [
        "PHX-008: the step's options are not right",
        "Why: --colour: there is no such option",
        "     blue: there is no such option",
        "     --account '12': not an account number (12 digits)",
        "     --target-group (or PHOENIX_TARGET_GROUP) is missing: ARN of the target group",
        "     --alarms 'x': not JSON: Expecting value: line 1 column 1 (char 0)",
        "     --min-size '0': not a whole number from 1 to 10",
        "Do:  sh steps/run try --help tells what each is",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PHOENIX_STACK", "phoenix"),
        ("PHOENIX_REGION", "Ireland"),
        ("PHOENIX_TARGET_GROUP", "targetgroup/blue/0123"),
        ("PHOENIX_SMOKE_PATH", "health"),
        ("PHOENIX_ALARMS", '{"a": 1}'),
        ("PHOENIX_MIN_SIZE", "-1"),
    ],
)
def test_a_value_that_can_not_be_meant_is_refused(name: str, text: str) -> None:
    with pytest.raises(StepError, match=name.removeprefix("PHOENIX_").lower().replace("_", "-")):
        read(**{**GOOD, "PHOENIX_TARGET_GROUP": ARN, name: text})


def test_help_tells_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        read("--help")

    assert stopped.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "path to ask for, 100 % of it (default: /)" in shown
    assert "--target-group ... ARN of the target group --smoke-path" in shown


def test_a_line_of_progress_tells_seconds_and_stays_one_short_line() -> None:
    clock, stream = FakeClock(), io.StringIO()
    progress = Progress(clock, stream=stream).bounded(900)
    clock.sleep(12.4)

    progress.line("1 of 2\nservers healthy " + "x" * 100_000)

    line = stream.getvalue()
    assert line.startswith("[12 s of 900 s] 1 of 2 servers healthy xxx")
    assert line.count("\n") == 1
    assert len(line) == LONGEST_LINE + 1


def told(*, changes_every: int) -> list[str]:
    """What a wait of a minute tells whose text changes every so many looks."""
    clock, stream = FakeClock(), io.StringIO()
    progress = Progress(clock, stream=stream).bounded(60)
    pace, looks = Backoff(clock), 0

    while progress.left():
        pace.wait(progress, f"waiting for {looks // changes_every}")
        looks += 1
    return stream.getvalue().splitlines()


def test_a_wait_tells_what_is_new_every_few_seconds_and_slows_down() -> None:
    lines = told(changes_every=1)
    assert lines[0] == "[0 s of 60 s] waiting for 0"
    at = [int(line[1:].partition(" ")[0]) for line in lines]
    assert [later - one for one, later in pairwise(at) if later <= 30 and not 4 <= later - one <= 6] == []
    assert [later - one for one, later in pairwise(at) if one >= 30 and not 15 <= later - one <= 20] == []
    assert len([one for one in at if one < 30]) >= 6 and at[-1] > 30


def test_what_stays_the_same_is_told_every_twenty_seconds_for_a_log_that_one_can_read() -> None:
    lines = told(changes_every=1000)
    assert [line.partition("]")[0] for line in lines] == ["[0 s of 60 s", "[20 s of 60 s", "[40 s of 60 s"]


class Broken(io.StringIO):
    """A pipe whose reader has died."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_nobody_reading_stderr_stops_nothing() -> None:
    write("still here", stream=Broken())


def test_time_is_told_in_utc() -> None:
    assert iso(datetime(2026, 11, 24, 5, 30, tzinfo=UTC)) == "2026-11-24T05:30:00Z"


def test_things_of_another_account_or_region_are_named() -> None:
    other = ARN.replace("123456789012", "999999999999")
    elsewhere = ARN.replace("eu-west-1", "us-east-1")

    found = aws.foreign_arns(account="123456789012", region="eu-west-1", arns=[ARN, other, elsewhere])

    assert found == [
        f"{other} is of account 999999999999, region eu-west-1",
        f"{elsewhere} is of account 123456789012, region us-east-1",
    ]


def client_error(code: str, message: str, operation: str = "ModifyRule") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "do"),
    [
        (client_error("ExpiredToken", "The security token has expired"), "renew the credentials"),
        (NoCredentialsError(), "renew the credentials"),
        (
            client_error("AccessDenied", "x is not authorized to perform: elasticloadbalancing:ModifyRule on y"),
            "allow elasticloadbalancing:ModifyRule to whoever deploys",
        ),
        (client_error("Throttling", "Rate exceeded"), "run `pulumi up` again"),
    ],
)
def test_an_error_of_aws_says_what_to_do(error: ClientError, do: str) -> None:
    assert do in aws.explain_error(error).do


@pytest.mark.parametrize(
    ("environment", "retries"),
    [
        ({}, {"mode": "standard", "total_max_attempts": 10}),
        ({"AWS_MAX_ATTEMPTS": "2"}, {"mode": "standard"}),
        ({"AWS_RETRY_MODE": "adaptive"}, {"total_max_attempts": 10}),
    ],
)
def test_what_the_user_says_of_retries_counts(environment: dict[str, str], retries: dict[str, object]) -> None:
    assert aws.client_config(environment).retries == retries  # type: ignore[attr-defined]


def test_an_error_of_aws_keeps_its_own_words() -> None:
    error = aws.explain_error(client_error("Throttling", "Rate exceeded"))

    assert error.why == "ModifyRule: Throttling: Rate exceeded"


def test_a_command_tells_its_lines_and_its_exit_code(tmp_path: Path) -> None:
    lines: list[str] = []

    child = process.Child(["sh", "-c", "echo out; echo err >&2; pwd; exit 3"], line=lines.append, folder=tmp_path)

    assert child.wait(60) == 3
    child.end()
    assert lines == ["out", "err", str(tmp_path)]


def test_a_command_that_takes_too_long_ends_with_all_it_started() -> None:
    lines: list[str] = []
    script = "sleep 600 & echo $!; wait"

    child = process.Child(["sh", "-c", script], line=lines.append)
    assert child.wait(1) is None
    child.end()

    wait_for(lambda: not alive(int(lines[0])))


def test_a_command_can_be_interrupted_whatever_the_step_was_started_from(signals_so_far: str) -> None:
    # In a shell that has them ignored a trap does nothing.
    lines: list[str] = []
    script = "trap 'echo interrupted' INT; kill -INT $$; trap 'echo terminated' TERM; kill -TERM $$"

    child = process.Child(["sh", "-c", script], line=lines.append)
    assert child.wait(60) == 0
    child.end()

    assert lines == ["interrupted", "terminated"]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked after is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(true: object, *, seconds: float = 60) -> None:
    """Waits until something is seen; the limit only keeps a broken run from hanging."""
    assert callable(true)
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


# A process that waits for its end and says what it saw of it.
LISTENER = """
    import os, sys, time
    from steps.runtime.signals import Interrupted, Interrupts, recorded_parent
    interrupts = Interrupts()
    out = open(sys.argv[1], "a", buffering=1)
    try:
        with interrupts.listening(parent=recorded_parent()):
            out.write(f"ready {os.getpid()}\\n")
            time.sleep(600)
    except Interrupted as error:
        out.write(f"{error}\\n")
        if len(sys.argv) > 2:
            while not os.path.exists(sys.argv[2]):
                time.sleep(0.02)
            out.write("put back\\n")
"""


def listen(out: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(LISTENER), str(out), *more]


def test_a_signal_stops_a_step_once_and_a_second_one_does_not_disturb_what_it_puts_back(tmp_path: Path) -> None:
    out, go = tmp_path / "out", tmp_path / "go"
    out.touch()
    with subprocess.Popen(listen(out, str(go)), cwd=PROJECT) as child:
        wait_for(lambda: out.read_text().startswith("ready"))
        child.terminate()
        wait_for(lambda: len(out.read_text().splitlines()) == 2)
        child.send_signal(signal.SIGINT)
        go.touch()
        assert child.wait(60) == 0

    assert out.read_text().splitlines()[1:] == ["PHX-009: it was interrupted (SIGTERM)", "put back"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the parent is polled")
def test_a_step_notices_the_death_of_whoever_started_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.touch()
    starter = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", starter, *listen(out)], cwd=PROJECT, stdin=subprocess.PIPE) as parent:
        wait_for(lambda: out.read_text().endswith("\n"))
        parent.kill()
    wait_for(lambda: len(out.read_text().splitlines()) == 2)

    assert out.read_text().splitlines()[1] == "PHX-010: the process that started it has ended"


def test_a_step_whose_starter_died_before_it_ran_stops_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(["true"]) as gone:
        gone.wait()

    subprocess.run(
        listen(out), cwd=PROJECT, env={**os.environ, "PHOENIX_PARENT_PID": str(gone.pid)}, check=True, timeout=60
    )

    assert out.read_text() == "PHX-010: the process that started it has ended\n"
