"""Time, and the lines on stderr that tell how far a step is."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TextIO

from core.plain_text import printable

# Pulumi's command provider hangs on a line of 64 KiB; nobody reads one of 4000 characters either.
LONGEST_LINE = 4000


class Clock(Protocol):
    """What steps know of time; tests pass one that only pretends to wait."""

    def now(self) -> float:
        """Seconds that only ever grow."""

    def utc(self) -> datetime:
        """The time of day, with its zone."""

    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class Progress:
    """Writes lines like `[12 s of 900 s] 1 of 2 servers healthy`, and is the deadline they speak of.

    `newest` gets the text of each line too.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        limit: float | None = None,
        stream: TextIO | None = None,
        newest: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.clock = clock
        self.limit = limit
        self.began = clock.now()
        self._stream, self._newest = stream, newest

    def bounded(self, limit: float) -> Progress:
        """The progress of something that begins now and may take `limit` seconds."""
        return Progress(self.clock, limit=limit, stream=self._stream, newest=self._newest)

    def elapsed(self) -> float:
        return self.clock.now() - self.began

    def left(self) -> float:
        """Seconds until the limit, never below 0; infinite without a limit."""
        return math.inf if self.limit is None else max(0.0, self.limit - self.elapsed())

    def line(self, text: str) -> None:
        """One line for the reader, whatever line breaks `text` has."""
        limit = "" if self.limit is None else f" of {self.limit:.0f} s"
        line = " ".join(text.split())
        write(f"[{self.elapsed():.0f} s{limit}] {line}"[:LONGEST_LINE], stream=self._stream)
        self._newest(printable(line[:LONGEST_LINE]))


def write(text: str, *, stream: TextIO | None = None) -> None:
    """Writes to stderr, if anybody still reads it: a dead reader must not stop what puts weights back.

    Nothing in it is a command to a terminal or a CI system: most of it is in the words of AWS, Packer and servers.
    """
    out = sys.stderr if stream is None else stream
    try:
        out.write(printable(text) + "\n")
        out.flush()
    except (OSError, ValueError):
        return


class LogThrottle:
    """How often a wait is told. An engine repeats every line at its end, so a long wait says less than its beginning.

    What is new: every four seconds in the first half minute, every fifteen then. What is not: every twenty.
    """

    NEW_EVERY, LATER_EVERY, SAME_EVERY = 4.0, 15.0, 20.0
    EARLY = 30.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._at = -math.inf
        self._last = ""

    def log(self, progress: Progress, text: str) -> None:
        """A line of `text`, unless it is too early for one."""
        new = self.NEW_EVERY if self._clock.now() - self._began < self.EARLY else self.LATER_EVERY
        if self._clock.now() - self._at >= (self.SAME_EVERY if text == self._last else new):
            progress.line(text)
            self._at, self._last = self._clock.now(), text


class Backoff:
    """How often something is looked at: every half a second at first, every five in the end."""

    FIRST, LAST, GROWTH = 0.5, 5.0, 1.5

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause = self.FIRST
        self._teller = LogThrottle(clock)

    def wait(self, progress: Progress, text: str, *, hurry: bool = False) -> None:
        """Waits, after a line of `text` if none was written lately. `hurry`: no longer than a second."""
        self._teller.log(progress, text)
        self._clock.sleep(min(self._pause, 1.0) if hurry else self._pause)
        self._pause = min(self._pause * self.GROWTH, self.LAST)
