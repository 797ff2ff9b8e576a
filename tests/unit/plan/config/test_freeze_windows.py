"""Windows in which production is not changed: how they are written, when they begin and end."""

from __future__ import annotations

from datetime import datetime

import pytest

from plan.config.freeze_windows import current_window, parse_window

WEEKEND = "Fri 16:00-Mon 07:00 Europe/Berlin"
YEAR_END = "2026-12-20/2027-01-03 Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-27T14:59:59+00:00", None),  # 15:59:59 in Berlin
        ("2026-11-27T15:00:00+00:00", "2026-11-30T07:00:00+01:00"),
        ("2026-11-29T12:00:00+00:00", "2026-11-30T07:00:00+01:00"),
        ("2026-11-30T05:59:59+00:00", "2026-11-30T07:00:00+01:00"),
        ("2026-11-30T06:00:00+00:00", None),
        ("2026-11-25T12:00:00+00:00", None),
        # Clocks go back on Sunday, 2026-10-25: Monday's seven o'clock is one hour later in UTC than Friday's would be.
        ("2026-10-24T12:00:00+00:00", "2026-10-26T07:00:00+01:00"),
    ],
)
def test_a_weekend_begins_and_ends_by_its_own_clocks(now: str, end: str | None) -> None:
    assert parse_window(WEEKEND).ends(at(now)) == (at(end) if end else None)


@pytest.mark.parametrize(
    ("now", "frozen"),
    [
        ("2026-12-19T22:59:59+00:00", False),
        ("2026-12-19T23:00:00+00:00", True),  # midnight in Berlin
        ("2027-01-03T22:59:59+00:00", True),
        ("2027-01-03T23:00:00+00:00", False),
    ],
)
def test_days_are_whole_days_of_their_zone(now: str, frozen: bool) -> None:
    assert (parse_window(YEAR_END).ends(at(now)) is not None) == frozen


def test_a_window_within_a_day_is_no_week() -> None:
    lunch = parse_window("Wed 12:00-Wed 13:00")
    assert lunch.ends(at("2026-11-25T12:30:00+00:00")) == at("2026-11-25T13:00:00+00:00")
    assert lunch.ends(at("2026-11-25T13:00:00+00:00")) is None
    all_but_lunch = parse_window("Wed 13:00-Wed 12:00")
    assert all_but_lunch.ends(at("2026-11-25T12:30:00+00:00")) is None
    assert all_but_lunch.ends(at("2026-11-25T13:00:00+00:00")) == at("2026-12-02T12:00:00+00:00")


def test_of_windows_that_overlap_the_one_that_ends_last_is_told() -> None:
    inside = at("2026-12-26T12:00:00+00:00")  # a Saturday
    assert current_window([WEEKEND, YEAR_END], inside) == (YEAR_END, at("2027-01-04T00:00:00+01:00"))
    assert current_window([WEEKEND, YEAR_END], at("2026-11-25T12:00:00+00:00")) is None
    assert current_window([], inside) is None


@pytest.mark.parametrize(
    "text",
    [
        "Friday 16:00-Mon 07:00",
        "Fri 25:00-Mon 07:00",
        "Fri 16:00-Fri 16:00",
        "2026-02-30/2026-03-01",
        "2027-01-03/2026-12-20",
        "Fri 16:00",
        "",
    ],
)
def test_what_is_no_window_is_told_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match='a window such as "Fri 16:00-Mon 07:00 Europe/Berlin" \\(each week\\) or'):
        parse_window(text)


@pytest.mark.parametrize("zone", ["Europe/Berln", "/etc/passwd", "../UTC", "Europe"])
def test_a_zone_that_is_not_known_is_told_as_such(zone: str) -> None:
    with pytest.raises(ValueError, match="a window in a time zone that this machine knows"):
        parse_window(f"Fri 16:00-Mon 07:00 {zone}")
