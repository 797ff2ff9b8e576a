"""The words that run a step: the same on every machine that has the same checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from components.step import AWAY, LAUNCHER, ROOT, runner


def test_the_projects_own_program_runs_its_steps_as_ever() -> None:
    assert runner(ROOT) == "sh steps/run"


def test_a_program_elsewhere_says_where_it_is_and_names_no_absolute_path(tmp_path: Path) -> None:
    assert runner(ROOT / "examples" / "two-services") == 'PHOENIX_PROJECT="$PWD" sh ../../steps/run'
    assert runner(ROOT.parent) == f'PHOENIX_PROJECT="$PWD" sh {ROOT.name}/steps/run'
    assert str(tmp_path) not in runner(tmp_path)
    assert runner(tmp_path).endswith('; PHOENIX_PROJECT="$PWD" sh .phoenix/run')


def test_a_package_is_reached_by_a_file_in_the_project_that_git_does_not_see(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True).stdout == b""
    command = f"{runner(tmp_path)} promote --help; exit $?"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False,
                          env={**os.environ, "PHOENIX_PYTHON": sys.executable})
    assert done.returncode == 0, done.stderr
    assert "usage: sh steps/run promote" in done.stdout
    assert subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True).stdout == b""


def test_a_machine_that_has_not_previewed_yet_is_told_what_to_type(tmp_path: Path) -> None:
    command = f"{runner(tmp_path)} retire; exit $?"
    (tmp_path / LAUNCHER).unlink()
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith(f"{AWAY}\n")
