"""Which machines a rehearsal takes, and what it says about that."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.servers import choice, runs
from rehearsal.servers.choice import AUTO, PROCESSES, REAL, ChoiceError
from rehearsal.servers.images.debootstrap import BaseImageError, BaseImageSpec

RECIPE = BaseImageSpec()
WHICH = "rehearsal.servers.choice.shutil.which"


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host that can have real machines, as far as the choice sees."""
    monkeypatch.delenv("NO_INSTALL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("rehearsal.servers.choice.platform.system", lambda: "Linux")
    monkeypatch.setattr("rehearsal.servers.choice.platform.machine", lambda: "x86_64")
    monkeypatch.setattr("rehearsal.servers.choice.os.geteuid", lambda: 0)
    monkeypatch.setattr(WHICH, lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(choice, "kernel_problem", lambda: "")
    monkeypatch.setattr(choice, "_FREE_GIB", 0)
    monkeypatch.setattr("rehearsal.servers.choice.debootstrap.ensure_cached", lambda recipe, say: None)


def test_real_machines_are_taken_where_they_can_be() -> None:
    assert choice.choose(AUTO, print, RECIPE).real


def test_processes_are_taken_when_they_are_asked_for() -> None:
    assert choice.choose(PROCESSES, print, RECIPE) == choice.Choice(why="asked for")


@pytest.mark.parametrize(
    ("what", "value", "why"),
    [
        ("platform.system", lambda: "Darwin", "this is Darwin, not Linux"),
        ("platform.machine", lambda: "aarch64", "this is aarch64"),
        ("os.geteuid", lambda: 1000, "only root"),
        ("kernel_problem", lambda: "this host does not let them be made (unshare failed)", "unshare failed"),
        ("_FREE_GIB", 10**6, "GiB free"),
    ],
)
def test_elsewhere_it_says_why_not(monkeypatch: pytest.MonkeyPatch, what: str, value: object, why: str) -> None:
    monkeypatch.setattr(f"rehearsal.servers.choice.{what}", value)
    taken = choice.choose(AUTO, print, RECIPE)
    assert not taken.real and why in taken.why
    with pytest.raises(ChoiceError, match="--machines processes"):
        choice.choose(REAL, print, RECIPE)


def test_tools_are_installed_after_saying_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    there = {"apt-get", "unshare", "mount", "debootstrap"}
    monkeypatch.setattr(WHICH, lambda program: program if program in there else None)

    def install(command: list[str], environment: dict[str, str]) -> str:
        assert said == ["installing packer, systemd-container with apt-get, for real operating systems"]
        if "install" in command:
            assert command[-2:] == ["packer", "systemd-container"]
            there.update(("packer", "systemd-nspawn"))
        return ""

    monkeypatch.setattr(choice, "_run_quietly", install)
    assert choice.choose(AUTO, said.append, RECIPE).real


def test_nothing_is_installed_where_nothing_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_INSTALL", "1")
    monkeypatch.setattr(choice, "_run_quietly", lambda command, environment: pytest.fail(f"ran {command}"))
    monkeypatch.setattr(WHICH, lambda program: program if program != "packer" else None)
    taken = choice.choose(AUTO, pytest.fail, RECIPE)
    assert taken.why == "no real operating systems: packer is not installed, and NO_INSTALL is set"


def test_nothing_is_installed_where_the_kernel_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "kernel_problem", lambda: "this host does not let them be made (unshare failed)")
    monkeypatch.setattr(WHICH, lambda program: program if program in ("unshare", "mount") else None)
    assert "unshare failed" in choice.choose(AUTO, pytest.fail, RECIPE).why


def test_a_tool_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WHICH, lambda program: program if program != "packer" else None)
    monkeypatch.setattr(choice, "_run_quietly", lambda command, environment: "E: Unable to locate package packer\n")
    taken = choice.choose(AUTO, lambda text: None, RECIPE)
    assert not taken.real and "can't install packer" in taken.why and "Unable to locate" in taken.why


def test_where_no_base_image_can_be_made_it_says_what_debootstrap_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def ready(recipe: BaseImageSpec, say: object) -> None:
        raise BaseImageError("the base image could not be made:\nE: no route to the archive")

    monkeypatch.setattr("rehearsal.servers.choice.debootstrap.ensure_cached", ready)
    taken = choice.choose(AUTO, print, RECIPE)
    assert not taken.real and "no route to the archive" in taken.why
    with pytest.raises(ChoiceError, match="no route to the archive"):
        choice.choose(REAL, print, RECIPE)


def test_what_a_killed_run_left_is_swept_and_a_living_one_is_not(tmp_path: Path) -> None:
    with runs.Run(runs.disks()) as alive:
        dead = runs.disks() / f"{runs.PREFIX}dead"
        (dead / "disks").mkdir(parents=True)
        (dead / ".alive").touch()
        young = runs.disks() / f"{runs.PREFIX}young"  # its process has not locked it yet
        young.mkdir()
        assert dead.name in runs.sweep()
        assert not dead.exists() and young.exists() and alive.folder.exists()
    assert not alive.folder.exists()
