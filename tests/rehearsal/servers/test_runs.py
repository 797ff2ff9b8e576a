"""What lies in a folder that others may write to is nobody's run and nobody's cache, whatever it is called."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.servers import runs
from rehearsal.servers.runs import PREFIX, Run, UnsafeFolderError


@pytest.fixture(autouse=True)
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder that is everybody's, and a cache elsewhere."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def with_lock(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    (folder / ".alive").touch()
    return folder


def linked_folder(folder: Path, elsewhere: Path) -> None:
    folder.symlink_to(with_lock(elsewhere))


def linked_lock(folder: Path, elsewhere: Path) -> None:
    folder.mkdir(mode=0o700)
    elsewhere.touch()
    (folder / ".alive").symlink_to(elsewhere)


def fifo_as_lock(folder: Path, elsewhere: Path) -> None:
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / ".alive")


def folder_of_many(folder: Path, elsewhere: Path) -> None:
    with_lock(folder).chmod(0o777)


def folder_of_another(folder: Path, elsewhere: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(with_lock(folder), 4242, 4242)


@pytest.mark.parametrize(
    "planted",
    [linked_folder, linked_lock, fifo_as_lock, folder_of_many, folder_of_another],
    ids=lambda one: one.__name__,
)
def test_what_another_user_planted_is_no_dead_run(
    planted: Callable[[Path, Path], None], shared: Path, tmp_path: Path
) -> None:
    planted(shared / f"{PREFIX}planted", tmp_path / "elsewhere")
    # A FIFO that is opened to be read waits for its writer: in a process that can be ended.
    script = "from rehearsal.servers import runs; print(runs.sweep())"
    environment = {**os.environ, "TMPDIR": str(shared)}
    swept = subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, capture_output=True, text=True)
    assert swept.stdout == "[]\n", swept.stderr
    assert (shared / f"{PREFIX}planted").exists(), "and nothing is deleted for it"


def test_a_dead_run_of_ours_is_swept_all_the_same(shared: Path) -> None:
    with_lock(shared / f"{PREFIX}dead")
    assert runs.sweep() == [f"{PREFIX}dead"] and not (shared / f"{PREFIX}dead").exists()


@pytest.mark.parametrize("spoiled", ["link", "many"])
def test_a_cache_that_others_may_write_to_is_not_used(spoiled: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "phoenix"
    cache.parent.mkdir()
    if spoiled == "link":
        (tmp_path / "theirs").mkdir()
        cache.symlink_to(tmp_path / "theirs")
    else:
        cache.mkdir()
        cache.chmod(0o777)
    with (
        pytest.raises(UnsafeFolderError, match=f"{cache} is a link, .* what is in it is not trusted"),
        Run(runs.disks()),
    ):
        pass
