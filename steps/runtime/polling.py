"""Waits: something is looked at again and again, less often each time, until it is as wanted or time is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.errors import StepError
from core.progress import Backoff, Progress

SHOWN_SECONDS = 30.0

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Not yet: `text` says what there is instead, `error` is raised if time is up. `hurry`: look again in a second."""

    text: str
    error: StepError
    hurry: bool = False


def poll(until: Progress, check: Callable[[], T | Pending]) -> T:
    """What `check` returns once that is not `Pending`. Raises the last one's error when `until` is at its limit."""
    pace = Backoff(until.clock)
    while True:
        found = check()
        if not isinstance(found, Pending):
            return found
        if not until.left():
            raise found.error
        pace.wait(until, found.text, hurry=found.hurry)


def retry_until_visible(look: Callable[[], T], progress: Progress) -> T:
    """What `look` finds. It raises StepError while it finds nothing, and its last word counts.

    What was just made or changed, AWS may show a moment later (Amazon EC2 Developer Guide, "Eventual consistency in the
    Amazon EC2 API"): it is looked for again before it is missed.
    """

    def check() -> T | Pending:
        try:
            return look()
        except StepError as error:
            return Pending(text=f"looking again: {error.what}", error=error)

    return poll(progress.bounded(min(SHOWN_SECONDS, progress.left())), check)
