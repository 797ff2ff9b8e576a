"""steps/run: finds a Python, names the steps, and runs one from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
STEPS = ["promote", "retire", "verify"]


def run(*arguments: str, folder: Path = PROJECT, at: Path | None = None, **environment: str) -> tuple[int, str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PHOENIX_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        ["sh", str(folder / "steps" / "run"), *arguments],
        cwd=at or folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", STEPS)
def test_every_step_tells_its_options_and_may_be_run_from_anywhere(name: str, tmp_path: Path) -> None:
    status, out, _ = run(name, "--help", at=tmp_path, PHOENIX_PYTHON=sys.executable)

    assert status == 0
    assert f"usage: sh steps/run {name}" in out
    assert "--target-group" in out


@pytest.mark.parametrize("name", ["", "frobnicate", "common", "../verify", "Verify", "verify.py", "."])
def test_a_name_that_is_no_step_lists_the_steps(name: str) -> None:
    status, out, err = run(*([name] if name else []), PHOENIX_PYTHON=sys.executable)

    assert status == 1
    assert out == ""
    assert "Usage: sh steps/run NAME [--option value ...]" in err
    listed = next(line for line in err.splitlines() if line.startswith("Steps:"))
    assert set(STEPS) <= set(listed.split()[1:])
    assert "common" not in listed
    assert (f"There is no step '{name}'." in err) == bool(name)


def test_missing_options_are_told_on_stderr_and_nothing_on_stdout() -> None:
    status, out, err = run("retire", PHOENIX_PYTHON=sys.executable, PHOENIX_COLOR="red")

    assert status == 1
    assert out == ""
    assert err.startswith("retire failed: the step's options are not right\nWhy: --stack (or PHOENIX_STACK) is missing")
    assert "--color 'red': neither blue nor green" in err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose only step tells which Python ran it, and where."""
    (tmp_path / "steps").mkdir()
    shutil.copy(PROJECT / "steps" / "run", tmp_path / "steps" / "run")
    (tmp_path / "steps" / "which.py").write_text('if __name__ == "__main__":\n    pass\n')
    return tmp_path


def python(path: Path) -> str:
    """A Python that only tells its name, its folder, its arguments and who started steps/run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\necho "$0 $(pwd) $* $PHOENIX_PARENT_PID $PPID"\n')
    path.chmod(0o755)
    return str(path)


def test_the_first_python_there_is_runs_the_step(project: Path) -> None:
    other = python(project / "other" / "python")
    expected = f"{project} -m steps.which --x 1"
    environments = [
        ({"PHOENIX_PYTHON": other}, other),
        ({}, ".venv/bin/python"),
        ({}, "venv/bin/python"),
        ({"VIRTUAL_ENV": str(project / "active")}, str(project / "active/bin/python")),
    ]
    for _, name in environments[1:]:
        python(project / name)
    for environment, name in environments:
        status, out, err = run("which", "--x", "1", folder=project, at=project.parent, **environment)

        assert (status, err) == (0, "")
        assert out.startswith(f"{name} {expected} ")
        if name != other:
            (project / name).unlink()


def test_the_step_is_told_who_started_it(project: Path) -> None:
    _, out, _ = run("which", folder=project, PHOENIX_PYTHON=python(project / "python"))

    told, parent = out.split()[-2:]
    assert told == parent == str(os.getpid())


def test_no_python_at_all_is_an_error_that_says_what_to_do(project: Path) -> None:
    status, _, err = run("which", folder=project, PHOENIX_PYTHON="/no/such/python")

    assert status == 1
    assert "'/no/such/python' is not there" in err
    assert "pip install -r requirements.txt, or set PHOENIX_PYTHON" in err


def test_another_programs_folder_is_where_a_step_works(project: Path, tmp_path: Path) -> None:
    (project / "steps" / "__init__.py").touch()
    (project / "steps" / "which.py").write_text(
        'if __name__ == "__main__":\n    from pathlib import Path\n    print(Path.cwd(), Path(__file__))\n')
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "steps").mkdir(parents=True)
    (elsewhere / "steps" / "__init__.py").write_text("raise SystemExit('not these steps')")
    status, out, err = run("which", folder=project, at=elsewhere, PHOENIX_PYTHON=sys.executable,
                           PHOENIX_PROJECT=str(elsewhere))
    assert (status, out.split()) == (0, [str(elsewhere), str(project / "steps" / "which.py")]), err
