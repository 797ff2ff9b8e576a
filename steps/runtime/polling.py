"""What was just made or changed, AWS may show a moment later: it is looked for again before it is missed.

Source: Amazon EC2 Developer Guide, "Eventual consistency in the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.errors import StepError
from core.progress import Backoff, Progress

SHOWN_SECONDS = 30.0

T = TypeVar("T")


def retry_until_visible(look: Callable[[], T], progress: Progress) -> T:
    """What `look` finds. It raises StepError while it finds nothing, and its last word counts."""
    until = progress.bounded(min(SHOWN_SECONDS, progress.left()))
    pace = Backoff(progress.clock)
    while True:
        try:
            return look()
        except StepError as error:
            if not until.left():
                raise
            pace.wait(until, f"looking again: {error.what}")
