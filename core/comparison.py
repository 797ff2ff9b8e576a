"""Whether a new group fails more often than the live one in the same minutes, by a test that may be looked at any time.

Pure. A minute is a table: answers of ours and of the others, and how many of each failed. Its evidence against "ours
fail no more often than the others plus `margin`" is a likelihood ratio: what is suspected over the nearest of what is
denied. No share of failures that both may have, this minute's or any, makes its mean exceed 1 (an e-variable: Turner,
Ly, Grünwald 2024, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping"; with a
margin: Turner, Grünwald 2023, "Exact anytime-valid confidence intervals for contingency tables and beyond"). So the
evidence of minutes is multiplied, and when both do alike it ever reaches N in at most one promotion of N, however often
somebody looks (Ville's inequality; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
confidence sequences"). It counts requests as independent of each other; since real ones come in clusters, no single
minute may add more than its share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Evidence that is enough to go back, and enough to go on: one unlucky promotion in 100, and one bad group in 20.
ENOUGH, GOOD = 100.0, 20.0
# What one minute may add, so that it takes two, even after good ones.
MOST_IN_A_MINUTE = 15.0
# From here on it is looked at longer before more traffic moves.
DOUBTFUL = 5.0
# What is suspected: so many times the margin above what the others have.
_SUSPECTED = (2, 4, 10, 30, 100)
# Before the others have answered: half a failure in a hundred.
_PRIOR_FAILED, _PRIOR_TOTAL = 0.5, 100
_LARGEST_LOG = 500.0


@dataclass(frozen=True)
class Answers:
    """Answers, and how many of them failed. Expected numbers may have fractions."""

    total: float = 0
    failed: float = 0

    def __add__(self, other: Answers) -> Answers:
        return Answers(self.total + other.total, self.failed + other.failed)

    @property
    def share(self) -> float:
        return self.failed / self.total if self.total else 0.0


@dataclass(frozen=True)
class Minute:
    """What both groups answered in the same minute."""

    ours: Answers
    others: Answers


@dataclass(frozen=True, kw_only=True)
class Question:
    """What counts as failed. `tolerated`: by how much more ours may fail; `harm`: by how much more they must not."""

    tolerated: float
    harm: float


ERRORS = Question(tolerated=0.001, harm=0.01)
SLOWNESS = Question(tolerated=0.05, harm=0.1)


def evidence_of_harm(question: Question, minutes: Sequence[Minute], *, before: Answers) -> float:
    """How much says that ours fail more often than is tolerated; from `ENOUGH` on it is said.

    `before`: what the others answered before the first minute. A group may turn bad at any minute: a part of the stake
    is kept for each (1/2, 1/6, 1/12, ..).
    """
    evidence, level, known = 1.0, 0.0, before
    begun = [0.0] * len(_SUSPECTED)
    for number, minute in enumerate(minutes, start=1):
        rate = _rate(known)
        fresh = math.exp(-level) / (number * (number + 1) * len(begun))
        begun = [
            (stake + fresh) * math.exp(_log_ratio(minute, min(rate + times * question.tolerated, 0.99), rate, question))
            for stake, times in zip(begun, _SUSPECTED, strict=True)
        ]
        growth = math.exp(-level) / (number + 1) + sum(begun)
        begun = [stake / growth for stake in begun]
        level += math.log(growth)
        evidence *= min(growth, MOST_IN_A_MINUTE)
        if evidence >= ENOUGH:
            break
        known += minute.others
    return evidence


def evidence_of_no_harm(question: Question, minutes: Sequence[Minute], *, before: Answers) -> float:
    """How much says that ours do not fail more often by `harm`; from `GOOD` on it is said."""
    logs, known = 0.0, before
    for minute in minutes:
        rate = _rate(known)
        if rate + question.harm < 1:
            logs += min(_log_of(minute, (rate, rate), question.harm), math.log(GOOD) / 2)
        known += minute.others
    return math.exp(min(logs, _LARGEST_LOG))


def _rate(known: Answers) -> float:
    """The others' share of failures as known before a minute, to two digits: nearly the same is computed once."""
    share = (known.failed + _PRIOR_FAILED) / (known.total + _PRIOR_TOTAL)
    return float(f"{min(max(share, 1e-5), 0.9):.1e}")


def _log_ratio(minute: Minute, suspected: float, rate: float, question: Question) -> float:
    if suspected <= rate + question.tolerated:
        return 0.0
    return _log_of(minute, (suspected, rate), question.tolerated)


def _log_of(minute: Minute, suspected: tuple[float, float], margin: float) -> float:
    """The logarithm of the likelihood ratio of a minute: what is suspected over the nearest point of the margin."""
    ours, others = minute.ours, minute.others
    if not (ours.total and others.total):
        return 0.0
    nearest = _nearest(ours.total, others.total, suspected, margin)
    logs = _log_likelihood(ours, suspected[0], nearest + margin) + _log_likelihood(others, suspected[1], nearest)
    return min(max(logs, -_LARGEST_LOG), _LARGEST_LOG)


def _log_likelihood(seen: Answers, one: float, other: float) -> float:
    return seen.failed * math.log(one / other) + (seen.total - seen.failed) * math.log((1 - one) / (1 - other))


@lru_cache(maxsize=8192)
def _nearest(ours: float, others: float, suspected: tuple[float, float], margin: float) -> float:
    """The share of the others for which (share + margin, share) is nearest to what is suspected (least KL divergence).

    The divergence is convex along that line, so its slope has one zero.
    """
    low, high = 0.0, 1.0 - margin
    for _ in range(48):
        middle = (low + high) / 2
        slope = ours * _slope(suspected[0], middle + margin) + others * _slope(suspected[1], middle)
        low, high = (low, middle) if slope > 0 else (middle, high)
    return (low + high) / 2


def _slope(truth: float, point: float) -> float:
    return (1 - truth) / (1 - point) - truth / point
