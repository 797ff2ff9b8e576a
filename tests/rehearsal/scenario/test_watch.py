"""The watch notices each broken invariant, and nothing that is as it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rehearsal.scenario.load import Request
from rehearsal.scenario.report import figures
from rehearsal.scenario.watch import GroupSample, Sample, coexistence_seconds, find_unverified_answers, find_violations

BLUE, GREEN = "arn:targetgroup/blue/1", "arn:targetgroup/green/1"


def group(color: str, arn: str, **values: Any) -> GroupSample:
    known = GroupSample(
        name=f"{color}-1",
        color=color,
        generation=f"{color}-generation",
        verified=True,
        is_deleting=False,
        in_service=2,
        template="lt-1:1",
        target_groups=(arn,),
    )
    return replace(known, **values)


def instant(t: float, weights: dict[str, int], *groups: GroupSample) -> Sample:
    return Sample(t=t, weights=weights, groups=groups)


GOOD = instant(1, {BLUE: 90, GREEN: 10}, group("blue", BLUE), group("green", GREEN))


@pytest.mark.parametrize(
    ("now", "broken"),
    [
        (GOOD, []),
        (instant(2, {}), []),
        (instant(2, {BLUE: 100, GREEN: 0}, group("blue", BLUE), group("green", GREEN, verified=False)), []),
        (instant(2, {BLUE: 100}, group("blue", BLUE), group("green", GREEN, is_deleting=True)), []),
        (
            instant(2, {BLUE: 100}, group("green", GREEN)),
            ["3: production traffic goes to blue, whose group is dead or dying"],
        ),
        (
            instant(2, {BLUE: 1, GREEN: 99}, group("blue", BLUE, is_deleting=True), group("green", GREEN)),
            ["3: production traffic goes to blue, whose group is dead or dying"],
        ),
        (
            instant(2, {BLUE: 90, GREEN: 10}, group("blue", BLUE), group("green", GREEN, verified=False)),
            ["2: production traffic goes to green-1, which was not verified"],
        ),
        (
            instant(2, {BLUE: 100}, group("blue", BLUE, template="lt-1:2")),
            ["1: the live group blue-1 was changed: lt-1:1 -> lt-1:2"],
        ),
    ],
)
def test_judgements(now: Sample, broken: list[str]) -> None:
    assert find_violations(GOOD, now) == broken


def request(t: float, generation: str, status: int = 200, ms: float = 2) -> Request:
    return Request(t=t, ms=ms, status=status, generation=generation)


def test_an_answer_by_a_generation_that_was_not_verified_yet_is_noticed() -> None:
    samples = [instant(1, {}, group("blue", BLUE, verified=False)), instant(5, {}, group("blue", BLUE))]
    assert find_unverified_answers(samples, [request(6, "blue-generation")]) == []
    assert find_unverified_answers(samples, [request(2, "blue-generation")]) == [
        "2: generation blue-generation answered production before it was verified"
    ]
    assert find_unverified_answers(samples, [request(6, "unknown")]) == [
        "2: generation unknown answered production before it was verified"
    ]


def test_coexistence_counts_the_seconds_in_which_two_groups_have_servers() -> None:
    alone = (group("blue", BLUE), group("green", GREEN, in_service=0))
    both = (group("blue", BLUE), group("green", GREEN))
    samples = [
        instant(0, {}, *alone),
        instant(1, {}, *both),
        instant(2.5, {}, *both),
        instant(4, {}, *alone),
        instant(9, {}, *alone),
    ]
    assert coexistence_seconds(samples, begin=0, end=9) == 3
    assert coexistence_seconds(samples, begin=2, end=9) == 1.5


def test_figures_count_each_request_in_the_stage_it_was_due_in() -> None:
    requests = [request(1, "a", ms=10), request(2, "b", ms=20), request(3, "", status=0), request(4, "b", status=503)]
    said = figures(requests, [], begin=1, end=4)
    assert (said.requests, said.failed, said.p50_ms, said.p99_ms) == (3, 1, 20, 20)
    assert said.answered_by == {"a": 1, "b": 1}
    assert figures(requests, [], begin=4, end=5).failed == 1
    assert figures([], [], begin=0, end=1).p99_ms is None
