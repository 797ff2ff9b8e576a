"""What happened in the local cloud, in order: for the report's timeline and for whoever looks for a reason."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Event:
    """`t` is seconds since the epoch; `subject` is what it happened to (an instance id, a target group's name, ..)."""

    t: float
    kind: str
    subject: str
    text: str


class Journal:
    """Events in memory, and one JSON line each in `path`."""

    def __init__(self, path: Path) -> None:
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def record(self, kind: str, subject: str, text: str) -> None:
        event = Event(t=time.time(), kind=kind, subject=subject, text=text)
        with self._lock:
            self._events.append(event)
            if not self._file.closed:
                self._file.write(json.dumps(asdict(event)) + "\n")

    @property
    def events(self) -> list[Event]:
        with self._lock:
            return list(self._events)

    def close(self) -> None:
        with self._lock:
            self._file.close()
