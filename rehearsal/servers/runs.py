"""Where a rehearsal keeps what it makes, and how the next one knows what a kill -9 left.

A run is a folder whose lock its process holds for as long as it lives, and cgroups named after it. Whoever can take the
lock of a run has found a dead one. Its machines are gone (`rehearsal.servers.container.container`); left can be files,
empty cgroups, and for some minutes an engine or a Packer that tries to put things right in a cloud that is not there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.servers.container.container import empty_folder

PREFIX = "phoenix-rehearsal-"
_LOCK = ".alive"


def cache() -> Path:
    """The user's own folder for what can be made again: base images, downloaded packages, and disks while they live."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root.startswith("/") else Path.home() / ".cache") / "phoenix"


class UnsafeFolderError(Exception):
    """A folder is not the user's alone, so what is in it may be anybody's; the text says which and what to do."""


def own_folder(folder: Path) -> Path:
    """The folder, made where it is not there: a folder itself and no link, ours, and nobody else may write to it.

    Raises UnsafeFolderError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(folder):
        raise UnsafeFolderError(
            f"{folder} is a link, belongs to another user, or others may write to it: what is in it is not trusted.\n"
            f"Do: remove it, or choose another place with XDG_CACHE_HOME"
        )
    return folder


def _is_ours(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def disks() -> Path:
    """Where runs with disks are kept: on a real file system, which a temporary folder need not be."""
    return cache() / "runs"


@dataclass
class Run:
    """A context manager: a new folder in `parent`, and nothing of it at the end."""

    parent: Path
    folder: Path = field(init=False)

    def __enter__(self) -> Run:
        if self.parent.is_relative_to(cache()):
            own_folder(cache())
        self.parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self.parent))
        # Locked before it has its name, so that nobody takes this run for a dead one in between.
        early = self.folder / f"{_LOCK}.new"
        self._lock = early.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        early.rename(self.folder / _LOCK)
        return self

    def __exit__(self, *_: object) -> None:
        _clear(self.folder)
        self._lock.close()

    def cgroups(self, name: str) -> list[str]:
        """Makes cgroups for a container, so that what systemd makes below them is known to be ours."""
        made = [place / f"{self.folder.name}-{name}" for place in _own_cgroups()]
        for group in made:
            group.mkdir(exist_ok=True)
        return [str(group) for group in made]


def sweep() -> list[str]:
    """Takes away what killed rehearsals left; the names of their runs."""
    swept = []
    for parent in (disks(), Path(tempfile.gettempdir())):
        for folder in parent.glob(f"{PREFIX}*"):
            if _abandoned_runs(folder):
                _end_processes_in(folder)
                _clear(folder)
                swept.append(folder.name)
    return swept


def _abandoned_runs(folder: Path) -> bool:
    """Whether it is a run of ours that is dead. A temporary folder is everybody's: others may put anything there."""
    try:
        if not _is_ours(folder):
            return False
        # Whoever else made it can't make this follow a link or wait for the other end of a FIFO.
        with open(os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as lock:  # noqa: PTH123
            found = os.fstat(lock.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                return False
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        # It lives, it is just being made, or it is another user's.
        return False


def _end_processes_in(folder: Path) -> None:
    """Kills those that work in the folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                os.kill(int(process.name), signal.SIGKILL)


def _clear(folder: Path) -> None:
    for place in _own_cgroups():
        for group in place.glob(f"{folder.name}-*"):
            empty_folder(group)
    shutil.rmtree(folder, ignore_errors=True)


def _own_cgroups() -> Iterator[Path]:
    """Our own place in the hierarchies that systemd keeps processes in: the unified one, and systemd's own of old."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if number != "0" and controllers != "name=systemd":
                continue
            root = _mounted("cgroup2" if number == "0" else "cgroup", controllers)
            if root is not None and os.access(folder := root / path.lstrip("/"), os.W_OK):
                yield folder


def _mounted(kind: str, option: str) -> Path | None:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, found, options, *_ = line.split(" ")
        if found == kind and (not option or option in options.split(",")):
            return Path(where)
    return None
