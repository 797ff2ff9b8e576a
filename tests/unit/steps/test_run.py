"""steps/run: finds a Python, names the steps, and runs one from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steps import registry

PROJECT = Path(__file__).parents[3]
STEPS = ["promote", "retire", "verify"]
PROGRAMS = sorted(
    file for file in (PROJECT / "steps").glob("*/*.py") if 'if __name__ == "__main__":' in file.read_text()
)


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


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: file.stem)
def test_a_steps_name_leads_to_its_own_file(file: Path) -> None:
    module = registry.module_of(file.stem)
    assert module == f"steps.{file.parent.name}.{file.stem}"
    assert [one for one in PROGRAMS if one.stem == file.stem] == [file]
    # Also a module beside the step's folder has no step's name: who reads one should not meet the other.
    assert list((PROJECT / "steps").glob(f"*/{file.stem}.py")) == [file]


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
    assert err.startswith(
        "retire failed: PHX-008: the step's options are not right\nWhy: --stack (or PHOENIX_STACK) is missing"
    )
    assert "--color 'red': neither blue nor green" in err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose only step tells which Python ran it, and where."""
    for name in (
        "steps/run",
        "steps/__main__.py",
        "steps/registry.py",
        "core/errors.py",
        "core/plain_text.py",
        "core/progress.py",
        "core/start_up.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / "steps" / "cleanup").mkdir()
    (tmp_path / "steps" / "cleanup" / "which.py").write_text('if __name__ == "__main__":\n    pass\n')
    return tmp_path


def python(path: Path) -> str:
    """A Python that only tells its name, its folder, its arguments and who started steps/run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\n[ "$1" != -ISc ] || exec echo fit\necho "$0 $(pwd) $* $PHOENIX_PARENT_PID $PPID"\n')
    path.chmod(0o755)
    return str(path)


def test_the_first_python_there_is_runs_the_step(project: Path) -> None:
    other = python(project / "other" / "python")
    expected = f"{project} -m steps which --x 1"
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
    (project / "steps" / "cleanup" / "which.py").write_text(
        'if __name__ == "__main__":\n    from pathlib import Path\n    print(Path.cwd(), Path(__file__))\n'
    )
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "steps").mkdir(parents=True)
    (elsewhere / "steps" / "__init__.py").write_text("raise SystemExit('not these steps')")
    status, out, err = run(
        "which", folder=project, at=elsewhere, PHOENIX_PYTHON=sys.executable, PHOENIX_PROJECT=str(elsewhere)
    )
    assert (status, out.split()) == (0, [str(elsewhere), str(project / "steps" / "cleanup" / "which.py")]), err


def test_libraries_that_are_missing_are_one_message_that_names_the_python(project: Path) -> None:
    (project / "steps" / "cleanup" / "which.py").write_text(
        'import boto3_of_nobody\nif __name__ == "__main__":\n    pass\n'
    )
    status, out, err = run("which", folder=project, PHOENIX_PYTHON=sys.executable)

    assert (status, out) == (1, "")
    assert err == (
        "which failed: PHX-006: this Python does not have the libraries of the steps\n"
        f"Why: {sys.executable}: No module named 'boto3_of_nobody'\n"
        f"Do:  cd {project} && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n"
        "     or name a Python that has them as PHOENIX_PYTHON\n"
    )


def test_a_step_without_its_libraries_is_no_traceback(tmp_path: Path) -> None:
    """The real steps, by a Python that has nothing but its own library."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    status, _, err = run("promote", "--help", PHOENIX_PYTHON=str(bare))

    assert status == 1
    assert err.startswith("promote failed: PHX-006: this Python does not have the libraries of the steps\n")
    assert "No module named 'boto" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("exit 0", "is no Python that could run the step 'which'"),
        ("echo Fatal Python error >&2; exit 1", "it ends: Fatal Python error"),
        ("echo old", "needs Python 3.11 or newer"),
    ],
)
def test_what_is_no_python_passes_no_gate(project: Path, answer: str, says: str) -> None:
    impostor = project / "impostor"
    impostor.write_text(f"#!/bin/sh\n{answer}\n")
    impostor.chmod(0o755)
    status, out, err = run("which", folder=project, PHOENIX_PYTHON=str(impostor))

    assert (status, out) == (1, "")
    assert says in err
    assert str(impostor) in err
    assert ".venv/bin/pip install -r requirements.txt" in err


def test_an_environment_that_is_gone_is_not_the_python(project: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to("/no/such/python")
    other = python(project / "bin" / "python3")
    path = f"{project / 'bin'}:{os.environ['PATH']}"
    status, out, err = run("which", folder=project, VIRTUAL_ENV="/gone", PATH=path)

    assert (status, out.split()[0]) == (0, other), err


@pytest.mark.parametrize("value", ["shop", "", "42", "/no/such/folder", "-"])
def test_a_variable_of_ci_named_like_ours_stops_no_step(project: Path, value: str) -> None:
    name = python(project / "python")
    status, out, err = run("which", folder=project, PHOENIX_PYTHON=name, PHOENIX_PROJECT=value)

    assert (status, err) == (0, "")
    assert out.startswith(f"{name} {project} -m steps which ")


def test_only_the_options_that_the_program_gives_count() -> None:
    environment: Any = {"PHOENIX_COLOR": "red", "PHOENIX_GROUP": "g", "PHOENIX_STACK": "somebody's"}
    status, _, err = run(
        "retire", "--listener", "no arn", PHOENIX_PYTHON=sys.executable, PHOENIX_OPTIONS="color group", **environment
    )

    assert status == 1
    assert "--color 'red': neither blue nor green" in err
    assert "--stack (or PHOENIX_STACK) is missing" in err
    assert "--listener 'no arn': not an ARN" in err
    assert "--group" not in err
