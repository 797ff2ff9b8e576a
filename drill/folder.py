"""What a drill keeps on this machine until its account is clean: the state, without which only tags tell what it made.

`.drill/STACK/` of the project. It goes when AWS has shown that nothing is left; one that is there was not cleaned.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rehearsal import PROJECT

PARENT = PROJECT / ".drill"
LAST_SECONDS = 60.0
"""How long what a killed drill left running may take to put weights back, before it is killed."""


@dataclass(frozen=True, kw_only=True)
class DrillRecord:
    """A drill that began: where. `endpoint`: AWS's own where it is empty. `date`: ISO 8601, UTC."""

    stack: str
    account: str
    region: str
    profile: str
    endpoint: str
    date: str
    stand_in: bool = False


class BusyError(Exception):
    """Another process has the folder; the text says what to do."""


def folder_of(stack: str) -> Path:
    return PARENT / stack


def read_record(stack: str) -> DrillRecord | None:
    """The drill whose account was not shown to be clean; None when there is none."""
    try:
        return DrillRecord(**json.loads((folder_of(stack) / "drill.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def start(what: DrillRecord) -> Path:
    """Notes it before anything is made, and returns the folder."""
    folder = folder_of(what.stack)
    for name in ("project", "engine", "load.jsonl"):
        _delete(folder / name)
    (folder / "drill.json").write_text(json.dumps(asdict(what), indent=1) + "\n")
    return folder


def remove(stack: str) -> None:
    """Away with it, but for the lock, which its holder still has."""
    for path in folder_of(stack).iterdir():
        if path.name != ".lock":
            _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(stack: str) -> Iterator[None]:
    """One process has a drill at a time; a killed one has none. Raises BusyError."""
    folder = folder_of(stack)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(f"another process has the drill of {stack}; wait until it has ended") from None
        yield
    if list(folder.iterdir()) == [folder / ".lock"]:
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            PARENT.rmdir()


def end_processes(stack: str) -> list[str]:
    """Has what a killed drill left running (its engine, a step, Packer) end, and returns what that was."""
    found = _running(folder_of(stack))
    limit = time.monotonic() + LAST_SECONDS
    for number in (signal.SIGINT, signal.SIGKILL):
        for pid in _running(folder_of(stack)):
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        while _running(folder_of(stack)) and time.monotonic() < limit:
            time.sleep(0.5)
    return list(found.values())


def _running(folder: Path) -> dict[int, str]:
    """Processes whose command or environment names the folder, by pid; ourselves left out."""
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=False).stdout
    found = {}
    for line in listed.splitlines():
        pid, _, command = line.strip().partition(" ")
        if f"{folder}/" in command and int(pid) != os.getpid():
            found[int(pid)] = command.split()[0] if command.split() else ""
    return found
