"""`make up|preview|flip|rollback|destroy`: which pulumi commands they run, with a stand-in that records them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from rehearsal import PROJECT
from steps.cleanup import delete_images
from steps.image.revoke import Options
from steps.promote import approve
from steps.runtime import options
from tests.support.account import moto_only
from tests.support.standins import IGNORING, Bench
from tools import stack_identity, stack_step


def bench(folder: Path, *, active: str = "blue", keep: str = "false", protect: str = "false") -> Bench:
    """A stack whose file says so."""
    made = Bench(folder)
    answers = {"active": active, "keepPrevious": keep, "protect": protect}
    cases = " ".join(f'*" {key}") echo {value} ;;' for key, value in answers.items())
    made.stand_in("pulumi", f'case "$*" in {cases} esac')
    return made


def type_(on: Bench, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return on.run("sh", "tools/stack.sh", *arguments, **environment)


def asked(on: Bench) -> list[str]:
    """The commands that do more than read."""
    return [call for call in on.calls if "config get" not in call]


@pytest.mark.parametrize("operation", ["up", "preview", "destroy"])
def test_an_operation_is_pulumis_own_and_told(operation: str, tmp_path: Path) -> None:
    on = bench(tmp_path)
    done = type_(on, operation, "prod", "--yes")
    assert asked(on) == [f"pulumi {operation} --stack prod --yes"]
    assert done.stderr.splitlines() == asked(on)


def test_a_protected_stack_is_not_destroyed_by_halves(tmp_path: Path) -> None:
    on = bench(tmp_path, protect="true")
    done = type_(on, "destroy", "prod", "--yes")
    assert done.returncode == 1 and asked(on) == []
    assert (
        "protect of prod is true" in done.stderr and "set --stack prod protect false; make up STACK=prod" in done.stderr
    )


@pytest.mark.parametrize("operation", ["up", "preview", "destroy"])
def test_pulumi_does_not_get_what_the_runner_gives_a_step(operation: str, tmp_path: Path) -> None:
    on = Bench(tmp_path)
    on.stand_in("pulumi", 'set | grep -o "hunter2-[0-9]*" >&2; echo "$AWS_SESSION_TOKEN $PULUMI_ACCESS_TOKEN" >&2')
    given = [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "GITHUB_PATH",
        "GITHUB_ENV",
    ]
    tokens = {name: f"hunter2-{number}" for number, name in enumerate(given)}
    done = type_(on, operation, "dev", **tokens, AWS_SESSION_TOKEN="aws", PULUMI_ACCESS_TOKEN="pulumi")
    assert "hunter2" not in done.stderr and "aws pulumi" in done.stderr


def test_the_exit_code_of_pulumi_is_the_commands(tmp_path: Path) -> None:
    on = Bench(tmp_path)
    on.stand_in("pulumi", "exit 7")
    assert type_(on, "up", "dev").returncode == 7


@pytest.mark.parametrize(("active", "then"), [("blue", "green"), ("green", "blue")])
def test_a_flip_sets_the_flag_and_nothing_else(active: str, then: str, tmp_path: Path) -> None:
    on = bench(tmp_path, active=active)
    done = type_(on, "flip", "dev")
    assert done.returncode == 0
    assert on.calls == ["pulumi config get --stack dev active", f"pulumi config set --stack dev active {then}"]
    assert f"pulumi config set --stack dev active {then}" in done.stderr


def test_revoke_wants_a_fingerprint_and_says_where_they_are(tmp_path: Path) -> None:
    on = bench(tmp_path)
    done = type_(on, "revoke", "dev")
    assert done.returncode == 1 and on.calls == []
    assert "No fingerprint was named." in done.stderr and "make history STACK=dev" in done.stderr


@pytest.mark.parametrize(
    ("step", "taken"), [("approve", approve.Options), ("delete_images", delete_images.Options), ("revoke", Options)]
)
def test_a_step_is_told_what_it_takes_and_no_more(step: str, taken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses what it does not know."""
    monkeypatch.setattr(stack_identity, "pulumi", lambda *_: {"aws:region": {"value": "eu-central-1"}})
    moto_only(monkeypatch)
    with mock_aws():
        given = stack_step.arguments(step, stack_identity.read_identity("prod"))
    own = ["--fingerprint", "0123456789ab"] if step == "revoke" else []
    read = options.read_options(taken, step=step, about="", arguments=[*given, *own], environment={})
    assert (read.stack, read.account, read.region) == ("phoenix/prod", "123456789012", "eu-central-1")


def test_revoke_is_the_step_with_what_the_stack_says(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"phoenix:service": {"value": "shop"}, "aws:region": {"value": "eu-central-1"}}
    monkeypatch.setattr(stack_identity, "pulumi", lambda *_: config)
    moto_only(monkeypatch)
    with mock_aws():
        given = stack_step.arguments("revoke", stack_identity.read_identity("prod"))
    given += ["--fingerprint", "0123456789ab", "--reason", "why", "--undo", "false"]
    read = options.read_options(Options, step="revoke", about="", arguments=given, environment={})
    assert (read.stack, read.account, read.region, read.service) == (
        "shop/prod",
        "123456789012",
        "eu-central-1",
        "shop",
    )
    assert (read.fingerprint, read.reason, read.undo) == ("0123456789ab", "why", False)


def test_an_organizations_stack_is_the_same_in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_identity, "pulumi", lambda *_: {"phoenix:service": {"value": "shop"}})
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    moto_only(monkeypatch)
    with mock_aws():
        assert stack_identity.read_identity("acme/prod").identity == "shop/prod"


def test_auto_has_no_flag_to_flip(tmp_path: Path) -> None:
    on = bench(tmp_path, active="auto")
    done = type_(on, "flip", "dev")
    assert done.returncode == 1
    assert asked(on) == []
    assert "the program flips by itself" in done.stderr
    assert "pulumi config set --stack dev active blue" in done.stderr


def test_a_stack_that_is_not_there_is_told_in_pulumis_words(tmp_path: Path) -> None:
    on = Bench(tmp_path)
    on.stand_in("pulumi", "echo \"error: no stack named 'nope' found\" >&2; exit 6")
    done = type_(on, "flip", "nope")
    assert done.returncode == 6
    assert done.stderr.splitlines() == ["error: no stack named 'nope' found"]


def test_going_back_to_a_kept_group_is_a_flip_and_an_update(tmp_path: Path) -> None:
    on = bench(tmp_path, active="green", keep="true")
    assert type_(on, "rollback", "dev").returncode == 0
    assert asked(on) == ["pulumi config set --stack dev active blue", "pulumi up --stack dev"]


def test_going_back_to_an_image_pins_it_and_flips(tmp_path: Path) -> None:
    on = bench(tmp_path, active="green")
    done = type_(on, "rollback", "dev", "--yes", IMAGE="0123456789ab")
    assert asked(on) == [
        "pulumi config set --stack dev image 0123456789ab",
        "pulumi config set --stack dev active blue",
        "pulumi up --stack dev --yes",
    ]
    assert "pulumi config rm --stack dev image" in done.stderr


def test_with_auto_the_image_alone_brings_it_back(tmp_path: Path) -> None:
    on = bench(tmp_path, active="auto")
    assert type_(on, "rollback", "dev", IMAGE="0123456789ab").returncode == 0
    assert asked(on) == ["pulumi config set --stack dev image 0123456789ab", "pulumi up --stack dev"]


def test_without_a_kept_group_or_an_image_going_back_says_the_ways(tmp_path: Path) -> None:
    on = bench(tmp_path, active="green")
    done = type_(on, "rollback", "dev")
    assert done.returncode == 1
    assert asked(on) == []
    assert "git revert" in done.stderr
    assert "make rollback STACK=dev IMAGE=FINGERPRINT" in done.stderr


def test_without_pulumi_it_says_how_to_get_it(tmp_path: Path) -> None:
    done = type_(Bench(tmp_path), "up", "dev")
    assert done.returncode == 1
    assert done.stderr.endswith("Do: make pulumi\n")


@pytest.mark.parametrize("shell", [(), IGNORING], ids=["heeded", "ignored"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_the_command_interrupts_pulumi(
    number: signal.Signals, shell: tuple[str, ...], tmp_path: Path
) -> None:
    on = Bench(tmp_path)
    # It ends by itself, should the signal never come.
    on.stand_in("pulumi", "trap 'echo weights are back; exit 9' INT TERM; echo updating; read -r _; exit 0")
    running = subprocess.Popen(
        [*shell, "sh", "tools/stack.sh", "up", "dev"],
        cwd=PROJECT,
        env={"PATH": str(on.bin)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "updating\n"
    running.send_signal(number)
    said, _ = running.communicate(timeout=30)
    assert (said, running.returncode) == ("weights are back\n", 9)


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        (("up", "STACK=prod", "ARGS=--yes --diff"), 'sh tools/stack.sh up "prod" --yes --diff'),
        (("preview",), 'sh tools/stack.sh preview "dev" '),
        (("flip", "STACK=prod"), 'sh tools/stack.sh flip "prod"'),
        (("rollback", "IMAGE=0123456789ab"), 'IMAGE="0123456789ab" sh tools/stack.sh rollback "dev" '),
        (("history",), 'sh tools/stack.sh history "dev"'),
        (("destroy",), 'sh tools/stack.sh destroy "dev" '),
    ],
)
def test_make_hands_on_the_stack_and_the_flags(line: tuple[str, ...], runs: str) -> None:
    said = subprocess.run(["make", "-n", *line], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert runs in said.splitlines()


def test_a_preview_token_is_new_each_time_and_on_no_command_line(tmp_path: Path) -> None:
    on = Bench(tmp_path)
    given = tmp_path / "given"
    on.stand_in("pulumi", f"cat >> {given}; echo >> {given}")
    (on.bin / "cat").symlink_to("/bin/cat")
    for _ in range(2):
        done = type_(on, "preview-token", "dev", PYTHON=sys.executable)
        assert done.returncode == 0, done.stderr
    assert on.calls == ["pulumi config set --stack dev --secret previewToken"] * 2
    first, second = given.read_text().split()
    assert first != second
    assert min(len(first), len(second)) >= 40
    assert first not in done.stdout + done.stderr
