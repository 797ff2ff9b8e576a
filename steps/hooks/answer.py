"""What a hook answers: to go on, to stop for a reason, or to ask again later. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

PROCEED, FAIL, WAIT = "proceed", "fail", "wait"
# How long after a `wait` that names no time it is asked again, and the longest that one may name.
AGAIN_SECONDS, LONGEST_SECONDS = 30.0, 3600.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`reason`: why it fails or waits. `lines`: the last ones of a command. `seconds`: until it is asked again."""

    decision: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    seconds: float = AGAIN_SECONDS


class Asking(Protocol):
    """A hook that has been asked, once."""

    def answer(self, within: float) -> Answer | None:
        """Its answer; None when there is none `within` these seconds."""

    def end(self) -> None:
        """Ends what still runs of it."""


def read_answer(said: Any, *, who: str) -> Answer:
    """The answer in a value of JSON; one that is none is a failure."""
    decision = said.get("decision") if isinstance(said, Mapping) else None
    if decision not in (PROCEED, FAIL, WAIT):
        return Answer(
            decision=FAIL,
            reason=f'{who} answered {str(said)[:200]}, and not {{"decision": "proceed"}}, "fail" with a "reason",'
            ' or "wait" with "seconds"',
        )
    reason, seconds = str(said.get("reason", "")), said.get("seconds", AGAIN_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return Answer(decision=FAIL, reason=f"{who} answered wait with seconds {seconds!r}, which is no number")
    return Answer(decision=decision, reason=reason, seconds=min(max(1.0, float(seconds)), LONGEST_SECONDS))
