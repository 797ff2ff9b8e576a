"""The words that run a step: the same on every machine that has the same checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pulumi

from components.step_command import AWAY, LAUNCHER, ROOT, step_command, step_runner
from plan.readers.live_state import Account
from tests.support.recorder import record


def test_the_projects_own_program_runs_its_steps_as_ever() -> None:
    assert step_runner(ROOT) == "sh steps/run"


def test_a_program_elsewhere_says_where_it_is_and_names_no_absolute_path(tmp_path: Path) -> None:
    assert step_runner(ROOT / "examples" / "two-services") == 'PHOENIX_PROJECT="$PWD" sh ../../steps/run'
    assert step_runner(ROOT.parent) == f'PHOENIX_PROJECT="$PWD" sh {ROOT.name}/steps/run'
    assert str(tmp_path) not in step_runner(tmp_path)
    assert step_runner(tmp_path).endswith('; PHOENIX_PROJECT="$PWD" sh .phoenix/run')


def test_a_package_is_reached_by_a_file_in_the_project_that_git_does_not_see(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True).stdout == b""
    command = f"{step_runner(tmp_path)} promote --help; exit $?"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PHOENIX_PYTHON": sys.executable},
    )
    assert done.returncode == 0, done.stderr
    assert "usage: sh steps/run promote" in done.stdout
    assert subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True).stdout == b""


def test_a_machine_that_has_not_previewed_yet_is_told_what_to_type(tmp_path: Path) -> None:
    command = f"{step_runner(tmp_path)} retire; exit $?"
    (tmp_path / LAUNCHER).unlink()
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith(f"{AWAY}\n")


def given(run: str, account: Account, **environment: str) -> dict[str, object]:
    """The variables that a step's command is declared with."""

    def program() -> None:
        step_command("a", run=run, account=account, environment=environment, triggers=[], opts=pulumi.ResourceOptions())

    return dict(record(program).one("command:local:Command").inputs["environment"])


def test_what_the_engine_inherited_is_no_option_and_no_folder_of_a_step() -> None:
    said = given("promote", Account("123456789012", "eu-west-1"), traffic="10")
    assert said["PHOENIX_OPTIONS"] == "account region traffic"
    assert said["PHOENIX_PROJECT"] == ""
    assert not [name for name in said if name.startswith("AWS_")], "whoever has no profile has the environment's"


def test_a_profile_of_the_stack_is_the_identity_of_its_steps_whatever_the_environment_has() -> None:
    said = given("promote", Account("123456789012", "eu-west-1", "prod"))
    assert said["AWS_PROFILE"] == "prod"
    assert {
        said[name]
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_ROLE_ARN",
        )
    } == {""}


def test_the_files_of_the_providers_identity_are_those_of_the_steps() -> None:
    """As they are written: a home may be another one on the machine that deletes the group one day."""
    said = given("promote", Account("1", "eu-west-1", credentials_file="~/.aws/shop", config_file="$HOME/config"))
    assert said["AWS_SHARED_CREDENTIALS_FILE"] == "~/.aws/shop"
    assert said["AWS_CONFIG_FILE"] == "$HOME/config"
    assert "AWS_ACCESS_KEY_ID" not in said, "the provider takes those of the environment first, and so do they"
