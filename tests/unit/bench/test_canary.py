"""The simulation of canaries: deterministic, and it shows what the test of the product promises."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bench import canary
from bench.canary import Case
from core.comparison import Answers, Minute

CASE = Case(per_second=40, minutes=10, others=0.01, ours=0.01)


def test_the_same_seed_makes_the_same_streams() -> None:
    assert canary.measure(CASE, streams=20, seed=7) == canary.measure(CASE, streams=20, seed=7)
    assert canary.draw(random.Random(7), CASE) != canary.draw(random.Random(8), CASE)


def test_alike_groups_go_back_for_nothing_by_fixed_thresholds_and_not_by_the_test() -> None:
    found = canary.measure(CASE, streams=300, seed=1)
    assert found.test <= 0.01
    assert found.fixed > 5 * max(found.test, 0.003)


def test_a_real_rise_is_seen() -> None:
    found = canary.measure(replace(CASE, others=0.001, ours=0.02), streams=100, seed=1)
    assert found.test >= 0.95
    assert found.good <= 0.05


def test_what_the_plan_promises_is_kept() -> None:
    cases = list(canary.promised())
    assert len(cases) == len(canary.PROMISED)
    assert [case.name for case in cases if canary.measure(case, streams=100, seed=3).test < 0.9] == []


@pytest.mark.parametrize(
    ("failed", "total", "exceeds"), [(1, 19, False), (1, 20, True), (1, 100, False), (5, 240, True), (5, 1000, False)]
)
def test_the_thresholds_of_before_are_those_that_promote_had(failed: int, total: int, exceeds: bool) -> None:
    assert canary.exceeds([Minute(Answers(total, failed), Answers(900, 0))], Answers()) is exceeds
