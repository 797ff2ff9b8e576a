"""A hook that is a shell command: the facts are on its standard input, its exit code is the answer."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping

from core.hooks import Hook
from steps.hooks.answer import FAIL, PROCEED, WAIT, Answer
from steps.runtime.process import Child

# EX_TEMPFAIL of sysexits.h: "temporary failure; user is invited to retry".
ASK_AGAIN = os.EX_TEMPFAIL
# Of its output that a message repeats; all of it is in the log.
LAST_LINES = 5
# Users may be on a group that does not do well while it ends.
GRACE_SECONDS = 3.0


class Running:
    """The command while it runs; `line` gets what it writes, without the preview token."""

    def __init__(self, hook: Hook, facts: str, *, environment: Mapping[str, str], line: Callable[[str], None]) -> None:
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        secret = environment.get("PHOENIX_PREVIEW_TOKEN", "")

        def heard(written: str) -> None:
            text = written.replace(secret, "***") if secret else written
            self._lines.append(text)
            line(text)

        self._child = Child(
            ["sh", "-c", hook.target], line=heard, environment=environment, given=facts.encode(), grace=GRACE_SECONDS
        )

    def answer(self, within: float) -> Answer | None:
        status = self._child.wait(within)
        if status is None:
            return None
        # What it wrote last may not have been read yet.
        self._child.end()
        if status == 0:
            return Answer(decision=PROCEED)
        reason = f"it ended with exit code {status}"
        return Answer(decision=WAIT if status == ASK_AGAIN else FAIL, reason=reason, lines=tuple(self._lines))

    def end(self) -> None:
        self._child.end()
