"""The test that may be looked at any time: its promise, its power, and that one minute never decides.

Seeds are fixed. bench/canary.py measures the same with many more streams.
"""

from __future__ import annotations

import math
import random

import pytest

from core.comparison import (
    ENOUGH,
    ERRORS,
    GOOD,
    MOST_IN_A_MINUTE,
    SLOWNESS,
    Answers,
    Minute,
    Question,
    evidence_of_harm,
    evidence_of_no_harm,
)
from core.comparison import _log_of as log_of

CALM = Answers(24_000, 24)


def minute(ours: tuple[float, float], others: tuple[float, float]) -> Minute:
    return Minute(Answers(*ours), Answers(*others))


def drawn(chance: random.Random, total: int, share: float) -> Answers:
    """So many answers of which each fails by itself."""
    return Answers(total, sum(chance.random() < share for _ in range(total)))


def stream(seed: int, *, minutes: int, ours: float, others: float, totals: tuple[int, int] = (60, 240)) -> list[Minute]:
    chance = random.Random(seed)
    return [Minute(drawn(chance, totals[0], ours), drawn(chance, totals[1], others)) for _ in range(minutes)]


@pytest.mark.parametrize(("margin", "suspected"), [(0.001, (0.01, 0.001)), (0.05, (0.3, 0.05)), (0.01, (0.002, 0.002))])
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.1, 0.5, 0.9])
def test_no_share_that_is_denied_makes_evidence_of_itself(
    margin: float, suspected: tuple[float, float], share: float
) -> None:
    """The mean over all tables of a minute with 6 and 15 answers, computed in full, is at most 1."""

    def chance(total: int, failed: int, rate: float) -> float:
        return math.comb(total, failed) * rate**failed * (1 - rate) ** (total - failed)

    # Suspected above the margin: denied is all up to it. Suspected below it: denied is all from it on.
    denied = min(share + margin, 1.0)
    mean = sum(
        chance(6, bad, denied)
        * chance(15, worse, share)
        * math.exp(log_of(minute((6, bad), (15, worse)), suspected, margin))
        for bad in range(7)
        for worse in range(16)
    )
    assert mean <= 1 + 1e-9


def test_alike_groups_are_sent_back_at_most_once_in_a_hundred() -> None:
    streams = [stream(seed, minutes=12, ours=0.02, others=0.02) for seed in range(1000)]
    back = sum(evidence_of_harm(ERRORS, one, before=Answers(2400, 48)) >= ENOUGH for one in streams)
    assert back <= len(streams) / ENOUGH


def test_what_both_have_is_nobodys_fault() -> None:
    """A shared database fails for a minute: a third of all answers, old and new."""
    bad = minute((240, 80), (2160, 720))
    assert evidence_of_harm(ERRORS, [minute((240, 0), (2160, 2)), bad, bad], before=CALM) < 2


def test_a_real_rise_is_seen_in_minutes() -> None:
    streams = [stream(seed, minutes=4, ours=0.02, others=0.001, totals=(240, 2160)) for seed in range(40)]
    seen = sum(evidence_of_harm(ERRORS, one, before=CALM) >= ENOUGH for one in streams)
    assert seen >= 38


def test_one_minute_never_decides() -> None:
    terrible = minute((240, 240), (2160, 2))
    assert evidence_of_harm(ERRORS, [terrible], before=CALM) == pytest.approx(MOST_IN_A_MINUTE)
    assert evidence_of_harm(ERRORS, [terrible, terrible], before=CALM) >= ENOUGH
    # A minute of none is none of good either.
    assert evidence_of_no_harm(ERRORS, [minute((10**6, 0), (10**6, 0))], before=CALM) < GOOD


def test_a_group_that_turns_bad_late_is_still_seen() -> None:
    well = [minute((240, 0), (2160, 2))] * 60
    assert evidence_of_harm(ERRORS, well, before=CALM) < 1
    bad = [minute((240, 24), (2160, 2))] * 4
    assert evidence_of_harm(ERRORS, well + bad, before=CALM) >= ENOUGH


def test_a_rise_that_is_tolerated_is_no_harm() -> None:
    """A hundred million answers show a rise by a twentieth of a percentage point, and nobody minds it."""
    slight = [minute((10**7, 15_000), (10**7, 10_000))] * 10
    assert evidence_of_harm(ERRORS, slight, before=CALM) < 1


def test_as_good_as_the_others_is_said_when_it_is_known() -> None:
    well = minute((240, 0), (2160, 2))
    assert evidence_of_no_harm(ERRORS, [well], before=CALM) < GOOD
    assert evidence_of_no_harm(ERRORS, [well] * 3, before=CALM) >= GOOD
    bad = minute((240, 5), (2160, 2))
    assert evidence_of_no_harm(ERRORS, [bad] * 30, before=CALM) < 1


def test_a_harmful_group_is_called_good_at_most_once_in_twenty() -> None:
    streams = [stream(seed, minutes=20, ours=0.011, others=0.001, totals=(120, 480)) for seed in range(200)]
    wrong = sum(
        any(evidence_of_no_harm(ERRORS, one[:looked], before=CALM) >= GOOD for looked in range(1, 21))
        for one in streams
    )
    assert wrong <= len(streams) / GOOD


def test_slow_answers_are_judged_by_their_own_margin() -> None:
    usual = Answers(24_000, 240)
    assert evidence_of_harm(SLOWNESS, [minute((240, 12), (2160, 22))] * 10, before=usual) < 1
    assert evidence_of_harm(SLOWNESS, [minute((240, 48), (2160, 22))] * 3, before=usual) >= ENOUGH


@pytest.mark.parametrize(
    "table",
    [
        minute((0, 0), (100, 3)),
        minute((100, 3), (0, 0)),
        minute((10**9, 10**9), (10**9, 0)),
        minute((10**9, 0), (10**9, 10**9)),
        minute((1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("question", [ERRORS, SLOWNESS])
@pytest.mark.parametrize("before", [Answers(), Answers(1000, 1000), Answers(10**9, 0)])
def test_any_table_has_a_finite_answer(table: Minute, question: Question, before: Answers) -> None:
    for evidence in (evidence_of_harm, evidence_of_no_harm):
        found = evidence(question, [table] * 50, before=before)
        assert math.isfinite(found)
        assert found >= 0
