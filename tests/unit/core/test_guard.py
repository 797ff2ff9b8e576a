"""The notes of AWS's guard, as tags of a rule hold them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from core.guard import Guard, WayBack, parse_guard, parse_way_back

UNTIL = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)
# TagValue in Elastic Load Balancing's API reference.
TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")


def test_the_note_of_a_guard_is_read_as_it_was_written_and_fits_a_tag() -> None:
    name = f"{'s' * 18}-green-guard"
    made = Guard(
        generation="0123456789ab",
        until=UNTIL,
        rule=f"{name}-1a2b3c4",
        schedules=(f"{name}-end-1a2b3c4", f"{name}-servers-1a2b3c4"),
    )
    assert parse_guard(made.text()) == made
    assert TAG_VALUE.fullmatch(made.text())


def test_the_note_of_a_way_back_is_read_as_aws_writes_it() -> None:
    said = parse_way_back("0123456789ab 2026-11-29T06:00:00Z phoenix-dev-green-guard-0123456789ab-1")
    assert said == WayBack(generation="0123456789ab", at=UNTIL, alarm="phoenix-dev-green-guard-0123456789ab-1")
    assert said.text() == "0123456789ab 2026-11-29T06:00:00Z phoenix-dev-green-guard-0123456789ab-1"


@pytest.mark.parametrize("text", ["", "a b", "a noon rule end servers", "a noon alarm", "a 2026-11-29T06:00:00Z"])
def test_another_text_is_no_note(text: str) -> None:
    assert parse_guard(text) is None
    assert parse_way_back(text) is None
