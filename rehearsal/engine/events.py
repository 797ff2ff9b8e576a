"""Reads the engine's event log: JSON lines in the format of `pulumi up --event-log`, which the stand-in writes too.

Source of the format: pulumi/pulumi, sdk/go/common/apitype/events.go.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.engine.model import Operation

POLL_SECONDS = 0.02
# Steps of the plan rather than of the work: nothing happens to a resource in them.
QUIET = frozenset({"same", "replace", "discard", "remove-pending-replace", "refresh-same"})


@dataclass
class Events:
    """Operations and counts out of an event log, with times taken as lines arrive (the log's own are whole seconds)."""

    began: float = field(default_factory=time.monotonic)
    changes: dict[str, int] = field(default_factory=dict)
    _operations: list[Operation] = field(default_factory=list)
    _open: dict[tuple[str, str], int] = field(default_factory=dict)

    def line(self, text: str) -> None:
        """Take in one line of the log."""
        event: Mapping[str, Any] = json.loads(text)
        now = time.monotonic() - self.began
        if pre := event.get("resourcePreEvent"):
            self._begin(pre["metadata"], now)
        elif done := event.get("resOutputsEvent"):
            self._end(done["metadata"], now, failed=False)
        elif broken := event.get("resOpFailedEvent"):
            self._end(broken["metadata"], now, failed=True)
        elif summary := event.get("summaryEvent"):
            self.changes = dict(summary["resourceChanges"])

    def operations(self) -> tuple[Operation, ...]:
        """In the order in which they began; one that never ended counts as failed, and lasted until now."""
        now = time.monotonic() - self.began
        unfinished = set(self._open.values())
        return tuple(
            Operation(item.op, item.type, item.name, item.urn, item.started, now - item.started, failed=True)
            if index in unfinished
            else item
            for index, item in enumerate(self._operations)
        )

    def _begin(self, what: Mapping[str, Any], now: float) -> None:
        if what["op"] in QUIET or what["type"].startswith("pulumi:providers:"):
            return
        urn = what["urn"]
        self._open[urn, what["op"]] = len(self._operations)
        self._operations.append(Operation(what["op"], what["type"], urn.rsplit("::", 1)[-1], urn, now, 0.0))

    def _end(self, what: Mapping[str, Any], now: float, *, failed: bool) -> None:
        # A refresh ends as what it found (update, delete, same), not as the step that began.
        index = self._open.pop((what["urn"], what["op"]), None)
        if index is None:
            index = self._open.pop((what["urn"], "refresh"), None)
        if index is None:
            return
        item = self._operations[index]
        self._operations[index] = Operation(
            item.op, item.type, item.name, item.urn, item.started, now - item.started, failed
        )


class Tail(threading.Thread):
    """Feeds a growing event log into `Events` until it is told to stop, and then what is left of it."""

    def __init__(self, path: Path, events: Events) -> None:
        super().__init__(name=f"tail {path.name}", daemon=True)
        self._path, self._events, self._stop_asked = path, events, threading.Event()
        self._position = 0

    def run(self) -> None:
        """Read until stopped."""
        while not self._stop_asked.wait(POLL_SECONDS):
            self._read()
        self._read()

    def stop(self) -> None:
        """Read what is left, and end."""
        self._stop_asked.set()
        self.join()

    def _read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(self._position)
            # A line that is still being written has no end yet: it is read the next time.
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                self._events.line(line.decode())
