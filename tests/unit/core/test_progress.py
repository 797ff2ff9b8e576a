"""How often a wait is told."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from core.progress import LogThrottle, Progress


class PretendedClock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def told(*, changes: bool, seconds: int) -> list[int]:
    """The seconds of the lines of a wait whose text changes each second, or never."""
    clock, out = PretendedClock(), io.StringIO()
    progress = Progress(clock, limit=seconds, stream=out)
    teller = LogThrottle(clock)
    for second in range(seconds):
        teller.log(progress, f"{second} requests" if changes else "0 of 2 servers healthy")
        clock.sleep(1.0)
    return [int(line[1:].split()[0]) for line in out.getvalue().splitlines()]


def test_what_is_new_is_told_soon_at_first_and_seldom_in_a_long_wait() -> None:
    """A canary of three pauses was some hundred lines, which an engine prints once more at its end."""
    at = told(changes=True, seconds=300)
    assert at[:4] == [0, 4, 8, 12] and at[-2:] == [283, 298]
    assert len(at) <= 27


def test_what_stays_the_same_is_told_every_twenty_seconds() -> None:
    assert told(changes=False, seconds=61) == [0, 20, 40, 60]
