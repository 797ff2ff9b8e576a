"""How many calls wait for one another, by when each began."""

from __future__ import annotations

import pytest

from bench.latency import in_a_row
from rehearsal.cloud.calls import Call


def called(t: float, name: str) -> Call:
    return Call(t=t, service="ec2", operation=name, access_key="", agent="", body="")


@pytest.mark.parametrize(
    ("begun", "row"),
    [
        ({"a": 0, "b": 0.01, "c": 0.02}, "a"),  # side by side
        ({"a": 0, "b": 0.08, "c": 0.17}, "abc"),
        ({"c": 0.17, "a": 0, "b": 0.05, "d": 0.26}, "acd"),
        ({}, ""),
    ],
)
def test_a_call_waits_for_what_was_answered_before_it_began(begun: dict[str, float], row: str) -> None:
    calls = [called(t, name) for name, t in begun.items()]
    assert "".join(one.operation for one in in_a_row(calls, 0.08)) == row
