"""However a rehearsal with real machines ends, no process, mount, namespace, cgroup or disk of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import PROJECT
from rehearsal.servers import runs
from rehearsal.servers.container.container import Container, Spec
from rehearsal.servers.disks import make_empty_folder
from tests.rehearsal.real_machines.host import needed

pytestmark = needed()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, which lends base image and packages from the user's: its runs are this test's."""
    lender = runs.cache()
    (tmp_path / "phoenix").mkdir()
    for name in ("bases", "archive"):
        (lender / name).mkdir(exist_ok=True)
        (tmp_path / "phoenix" / name).symlink_to(lender / name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def rehearsal(cache: Path) -> Iterator[subprocess.Popen[str]]:
    """A rehearsal whose every process has `cache` in its environment or arguments."""
    path = os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "pulumi").exists()
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "--machines", "real", "--report", str(cache / "report")],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(cache), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def processes(folder: Path) -> list[str]:
    """Those that have the folder in their environment or arguments."""
    listed = subprocess.run(
        ["ps", "axeww", "-o", "pid=,stat=,command="],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return [line for line in listed.stdout.splitlines() if str(folder) in line and line.split()[1][0] != "Z"]


def cgroups() -> set[Path]:
    return {path for path in Path("/sys/fs/cgroup").rglob(f"{runs.PREFIX}*") if path.is_dir()}


def no_longer(look: Callable[[], list[str]]) -> list[str]:
    """What is still seen after a while."""
    limit = time.monotonic() + 60
    while (left := look()) and time.monotonic() < limit:
        time.sleep(0.2)
    return left


def keepers(folder: Path) -> list[str]:
    """Those whose end is the end of a machine."""
    return [line for line in processes(folder) if "container_init.py" in line]


def in_the_middle_of_a_bake(rehearsal: subprocess.Popen[str]) -> None:
    assert rehearsal.stdout is not None
    for line in rehearsal.stdout:
        if "packer: provision/" in line:
            return
    raise AssertionError("no bake was seen")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_of_a_rehearsal_that_ends_in_the_middle_of_a_bake(
    number: signal.Signals, rehearsal: subprocess.Popen[str], cache: Path
) -> None:
    before = cgroups()
    in_the_middle_of_a_bake(rehearsal)
    mounted = Path("/proc/mounts").read_text()
    assert str(cache) not in mounted, "the host never had a mount of it"
    assert keepers(cache) != []
    assert cgroups() > before
    rehearsal.send_signal(number)
    assert rehearsal.stdout is not None
    rehearsal.stdout.read()
    rehearsal.wait()
    assert no_longer(lambda: keepers(cache)) == [], "no machine outlives the rehearsal, whatever ended it"
    swept = runs.sweep()
    assert bool(swept) == (number == signal.SIGKILL), "what a kill left is swept, and Ctrl-C leaves nothing to sweep"
    assert no_longer(lambda: processes(cache)) == []
    assert list((cache / "phoenix" / "runs").iterdir()) == []
    assert list(cache.glob("phoenix-rehearsal-*")) == []
    assert cgroups() <= before


def test_a_box_has_no_network_but_its_loopback_and_its_mounts_are_its_own(cache: Path) -> None:
    with runs.Run(runs.disks()) as run:
        lower, folder = run.folder / "lower", make_empty_folder(run.folder / "disk")
        lower.mkdir()
        box = Container(
            Spec(
                lower=[str(lower)],
                upper=str(folder / "upper"),
                work=str(folder / "work"),
                merged=str(folder / "merged"),
                command=["sh", "-c", f"cat /proc/net/dev; echo written >{folder}/merged/file; sleep 600"],
                console=str(run.folder / "console"),
                network=True,
                cgroups=run.cgroups("box"),
            )
        )
        try:
            limit = time.monotonic() + 60
            while not (folder / "upper" / "file").exists() and time.monotonic() < limit:
                time.sleep(0.05)
            assert (box.root / "file").read_text() == "written\n"
            assert list((folder / "merged").iterdir()) == [], "seen from outside nothing is mounted there"
            devices = [line.split(":")[0].strip() for line in (run.folder / "console").read_text().splitlines()[2:]]
            assert "lo" in devices and "eth0" not in devices
        finally:
            box.kill()
        assert processes(run.folder) == []
