"""What `make` installs on a machine: only what it may, after saying so; and whatever is left out is told."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rehearsal import PROJECT
from tests.support import left_out
from tests.support.standins import Bench

MAKE = shutil.which("make") or "make"
LACKING = "shellcheck chromium fonts-dejavu-core"
INSTALLED = ["apt-get update -qq", f"apt-get install -y -qq --no-install-recommends {LACKING}"]


def host(folder: Path, *, user: int = 0, there: tuple[str, ...] = (), apt: str = "") -> Bench:
    """A bare Debian, and what is there already."""
    made = Bench(folder)
    made.stand_in("apt-get", apt)
    made.stand_in("git")
    (made.bin / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (made.bin / "id").chmod(0o755)
    for name in there:
        made.stand_in(name)
    return made


def test_root_gets_what_lacks_after_it_is_said(tmp_path: Path) -> None:
    on = host(tmp_path)
    done = on.run("sh", "tools/host.sh")
    assert done.returncode == 0 and on.calls == INSTALLED
    assert done.stdout == (
        f"installing with apt-get (NO_INSTALL=1 installs nothing; a browser is about 400 MB): {LACKING}\n"
    )


def test_what_is_there_is_not_installed_again(tmp_path: Path) -> None:
    on = host(tmp_path, there=("shellcheck", "google-chrome"))
    assert on.run("sh", "tools/host.sh").stdout == "" and on.calls == []


@pytest.mark.parametrize(
    ("user", "environment", "why"),
    [(0, {"NO_INSTALL": "1"}, "since NO_INSTALL is set"), (1000, {}, "since only root can")],
)
def test_elsewhere_it_says_what_is_left_out_and_why(
    tmp_path: Path, user: int, environment: dict[str, str], why: str
) -> None:
    on = host(tmp_path, user=user)
    done = on.run("sh", "tools/host.sh", **environment)
    assert done.returncode == 0 and on.calls == []
    assert done.stdout == (
        f"not installed, {why}: {LACKING}; what needs them is left out (do: sudo apt-get install {LACKING})\n"
    )


def test_what_can_not_be_installed_stops_no_test(tmp_path: Path) -> None:
    done = host(tmp_path, apt="exit 100").run("sh", "tools/host.sh")
    assert done.returncode == 0 and "not installed, since apt-get failed: shellcheck chromium" in done.stdout


@pytest.mark.parametrize("target", ["unit", "lint"])
def test_unit_tests_and_lint_install_nothing(target: str, tmp_path: Path) -> None:
    """.venv too is made with NO_INSTALL, where Python can make one."""
    on = host(tmp_path)
    on.stand_in("python3", 'case "$*" in *ensurepip*) exit 1 ;; *version_info\\[*) echo python3.11-venv ;; esac')
    (on.bin / "make").symlink_to(MAKE)
    project = tmp_path / "project"  # without .venv, whatever this one has
    for name in ("Makefile", "tools/venv.sh", "requirements-dev.txt", "requirements-dev.lock.txt"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, project / name)
    done = on.run("make", "-C", str(project), target, NO_INSTALL="")
    assert done.returncode != 0 and "apt-get install python3" in done.stderr
    assert not any(call.startswith("apt-get") for call in on.calls)


def test_a_python_that_can_not_download_is_passed_over_and_told(tmp_path: Path) -> None:
    """Built without OpenSSL, pip finds no version of anything."""
    on = Bench(tmp_path)
    on.stand_in("python3", 'case "$*" in *ssl*) exit 1 ;; *) echo Python 3.11.7 ;; esac')
    project = tmp_path / "project"
    (project / "tools").mkdir(parents=True)
    shutil.copy(PROJECT / "tools" / "venv.sh", project / "tools")
    done = on.run("sh", str(project / "tools" / "venv.sh"))
    assert done.returncode == 1 and "with the module ssl" in done.stderr and "Python 3.11.7" in done.stderr
    assert not (project / ".venv").exists()


def test_make_test_installs_nothing_and_makes_no_base_image_where_nothing_may_be(tmp_path: Path) -> None:
    on = Bench(tmp_path)
    (on.bin / "make").symlink_to(MAKE)
    done = on.run("make", "-n", "-o", ".venv/.ready", "test", "NO_INSTALL=1", "MAKE=/bin/true")
    assert '[ -n "1" ] || .venv/bin/python -m rehearsal real' in done.stdout, done.stderr


def test_a_run_where_nothing_may_be_installed_tells_what_it_left_out() -> None:
    def skipped(reason: str) -> pytest.TestReport:
        return pytest.TestReport("a", ("a", 1, "a"), {}, "skipped", ("a.py", 1, f"Skipped: {reason}"), "setup")

    reports = [skipped("no browser is installed"), *[skipped("packer is not installed (do: make setup-machines)")] * 2]
    assert left_out.lines(reports) == [
        "2 skipped: packer is not installed (do: make setup-machines)",
        "1 skipped: no browser is installed",
    ]


def test_why_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert left_out.why({"NO_INSTALL": "1"}) == "NO_INSTALL is set"
    assert left_out.why({"NO_INSTALL": ""}) == ""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert left_out.why({}) == "only root can install"
