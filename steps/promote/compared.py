"""What minutes in which both groups answered say of the new one: worse, doubtful, as good, or nothing yet. Pure.

The test is that of `core.comparison`: it may be looked at after each minute, and no single minute decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from core import comparison
from core.comparison import ERRORS, SLOWNESS, Answers, Minute, Question
from steps.promote.figures import Metrics

# An answer is slow when it takes more than twice what 95 % of the live group's took; not one that nobody feels.
SLOWER, UNFELT_SECONDS = 2, 0.1
# So many minutes at the same weights before a pause is cut short.
FEWEST_MINUTES = 2


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One question about both groups. `before`: what the others answered before the traffic began to move."""

    question: Question
    failing: str
    before: Answers
    minutes: tuple[Minute, ...]

    @property
    def harm(self) -> float:
        """Evidence that ours fail more often than is tolerated."""
        return comparison.evidence_of_harm(self.question, self.minutes, before=self.before)

    def told(self) -> str:
        ours = sum((minute.ours for minute in self.minutes), Answers())
        others = sum((minute.others for minute in self.minutes), Answers())
        many = len(self.minutes)
        return (
            f"{ours.failed:.0f} of {ours.total:.0f} requests to the new servers {self.failing} ({ours.share:.2%}), and "
            f"{others.failed:.0f} of {others.total:.0f} to the others ({others.share:.2%}) in the same "
            f"{'minute' if many == 1 else f'{many} minutes'}"
        )


def slow_after(usual_seconds: float, *, limit_milliseconds: int) -> float:
    """What an answer takes longer than to be slow, in seconds. 0 when it is unknown, or the user allows any (0)."""
    if not (usual_seconds and limit_milliseconds):
        return 0.0
    return min(max(SLOWER * usual_seconds, UNFELT_SECONDS), limit_milliseconds / 1000)


def comparisons(now: Metrics, before: Metrics, *, slow_seconds: float) -> tuple[Comparison, ...]:
    """What is asked of the whole minutes in which both groups had requests; none without such a minute."""
    errors = Comparison(
        question=ERRORS,
        failing="ended in a 5xx",
        before=Answers(before.other.requests, before.other.errors),
        minutes=_shared(now.errors.values()),
    )
    slow = Comparison(
        question=SLOWNESS,
        failing=f"took longer than {slow_seconds * 1000:.0f} ms",
        before=before.others_slow,
        minutes=_shared(now.slow.values()),
    )
    return tuple(one for one in (errors, slow) if one.minutes)


def _shared(minutes: Iterable[Minute]) -> tuple[Minute, ...]:
    return tuple(minute for minute in minutes if minute.ours.total and minute.others.total)


def reason_to_go_back(found: Iterable[Comparison]) -> str:
    """What is worse than with the others, more than chance explains; empty when nothing is."""
    return next(
        (f"{one.told()}: more than chance explains" for one in found if one.harm >= comparison.ENOUGH),
        "",
    )


def doubt(found: Iterable[Comparison]) -> str:
    """What looks bad and may still be chance; empty when nothing does."""
    return next(
        (
            f"more minutes: {one.told()}, which may be chance (evidence {one.harm:.0f} of {comparison.ENOUGH:.0f})"
            for one in found
            if one.harm >= comparison.DOUBTFUL
        ),
        "",
    )


def does_as_well(now: Metrics, before: Metrics, *, since: datetime, slow_seconds: float) -> bool:
    """Whether the minutes that began at `since` or later say of every question that ours do no harm."""
    lately = replace(
        now,
        errors={at: minute for at, minute in now.errors.items() if at >= since},
        slow={at: minute for at, minute in now.slow.items() if at >= since},
    )
    answered = [
        len(one.minutes) >= FEWEST_MINUTES
        and comparison.evidence_of_no_harm(one.question, one.minutes, before=one.before) >= comparison.GOOD
        for one in comparisons(lately, before, slow_seconds=slow_seconds)
    ]
    questions = 2 if slow_seconds else 1
    return len(answered) == questions and all(answered)
