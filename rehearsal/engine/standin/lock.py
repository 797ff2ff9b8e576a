"""The stack's lock: a file that a killed update leaves behind, and that `cancel` takes away.

Source: pulumi/pulumi, pkg/backend/diy/lock.go.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from datetime import UTC, datetime
from pathlib import Path


class LockedError(Exception):
    """Another process has the stack, or had it when it was killed."""


class Lock:
    """A context manager. Raises `LockedError` on entry when somebody else's lock is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine = folder / f"{uuid.uuid4()}.json"

    def __enter__(self) -> Lock:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mine.write_text(
            json.dumps(
                {
                    "pid": os.getpid(),
                    "username": _user(),
                    "hostname": socket.gethostname(),
                    "timestamp": datetime.now(UTC).isoformat(),
                }
            )
        )
        # Written first and looked around afterwards: of two at once at least one sees the other.
        others = [path for path in self._folder.glob("*.json") if path != self._mine]
        if others:
            self._mine.unlink()
            raise LockedError(_lock_text(others))
        return self

    def __exit__(self, *_: object) -> None:
        self._mine.unlink(missing_ok=True)


def cancel(folder: Path) -> int:
    """Take every lock away, and say how many there were."""
    locks = list(folder.glob("*.json"))
    for path in locks:
        path.unlink(missing_ok=True)
    return len(locks)


def _lock_text(locks: list[Path]) -> str:
    lines = []
    for path in locks:
        held = json.loads(path.read_text() or "{}")
        lines.append(
            f"  {path}: created by {held.get('username')}@{held.get('hostname')} (pid {held.get('pid')})"
            f" at {held.get('timestamp')}"
        )
    return (
        f"the stack is currently locked by {len(locks)} lock(s). Either wait for the other process(es) to end or"
        " delete the lock file with `pulumi cancel`.\n" + "\n".join(lines)
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
