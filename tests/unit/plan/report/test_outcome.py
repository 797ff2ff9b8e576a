"""The line that an update ends with."""

from __future__ import annotations

import pytest

from core.release_record import decode_record
from plan.report.outcome import outcome

TAGS = {"color": "green", "generation": "e2a89dc3d0bf"}
VERIFIED = {**TAGS, "gate-verify": "passed seconds=9"}


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (TAGS, "not verified; no production yet"),
        (VERIFIED, "verified in 9 s; no production yet"),
        ({**VERIFIED, "weights": "20261124T120102Z=0"}, "verified in 9 s; no production yet"),
        (
            {
                **VERIFIED,
                "weights": "20261124T120102Z=10 20261124T120202Z=50 20261124T120302Z=100",
                "gate-promote": "seconds=34 requests=1251 errors=2",
            },
            "verified in 9 s; production 10 -> 50 -> 100 % in 34 s, 1,251 requests, 2 errors",
        ),
        # A first group has nobody to be compared with, and somebody wrote over a tag.
        (
            {**VERIFIED, "weights": "20261124T120102Z=100", "gate-promote": "seconds=1"},
            "verified in 9 s; production 100 % in 1 s",
        ),
        ({**VERIFIED, "weights": "by=hand"}, "verified in 9 s; no production yet"),
    ],
)
def test_it_says_how_the_gates_went(tags: dict[str, str], said: str) -> None:
    assert outcome(decode_record(tags)) == f"green e2a89dc3d0bf: {said}"
