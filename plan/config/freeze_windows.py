"""Times in which production is not changed, as the key `freeze` names them. Pure.

`Fri 16:00-Mon 07:00 Europe/Berlin` comes each week; `2026-12-20/2027-01-03 Europe/Berlin` once, from the beginning of
its first day to the end of its last. Zones are those of the tz database (IANA), and UTC where none is named; a window
follows its zone's clocks, so an hour that a change of summer time leaves out or repeats is within what it lies in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WORDS = '"Fri 16:00-Mon 07:00 Europe/Berlin" (each week) or "2026-12-20/2027-01-03 Europe/Berlin" (whole days)'

_DAY = "|".join(DAYS)
_WEEKLY = re.compile(rf"({_DAY}) (\d\d):(\d\d)-({_DAY}) (\d\d):(\d\d)(?: (\S+))?")
_DATES = re.compile(r"(\d{4}-\d\d-\d\d)/(\d{4}-\d\d-\d\d)(?: (\S+))?")


@dataclass(frozen=True, kw_only=True)
class WeeklyWindow:
    """From one minute of the week to another, both as (day of the week, time of the day); the last is not in it."""

    start: tuple[int, time]
    end: tuple[int, time]
    zone: tzinfo

    def ends(self, now: datetime) -> datetime | None:
        """When the window that `now` is in ends; None outside of it."""
        local = now.astimezone(self.zone)
        at, start, end = (_minutes(*one) for one in ((local.weekday(), local.time()), self.start, self.end))
        # Between the start and now there are fewer minutes than between the start and the end.
        if (at - start) % WEEK >= (end - start) % WEEK:
            return None
        days = (self.end[0] - local.weekday()) % 7
        if days == 0 and self.end[1] <= local.time():
            days = 7
        return datetime.combine(local.date() + timedelta(days), self.end[1], self.zone)


@dataclass(frozen=True, kw_only=True)
class DatedWindow:
    """From the beginning of the first day to the end of the last."""

    first: date
    last: date
    zone: tzinfo

    def ends(self, now: datetime) -> datetime | None:
        """When it ends, while `now` is in it; None outside of it."""
        if self.first <= now.astimezone(self.zone).date() <= self.last:
            return datetime.combine(self.last + timedelta(1), time(), self.zone)
        return None


Window = WeeklyWindow | DatedWindow
WEEK = 7 * 24 * 60


def parse_window(text: str) -> Window:
    """A window of the key `freeze`. Raises ValueError, whose text completes the sentence "each item must be ..."."""
    try:
        if found := _WEEKLY.fullmatch(text):
            first, hour, minute, last, until_hour, until_minute, zone = found.groups()
            start = DAYS.index(first), time(int(hour), int(minute))
            end = DAYS.index(last), time(int(until_hour), int(until_minute))
            if start != end:
                return WeeklyWindow(start=start, end=end, zone=_zone(zone))
        elif found := _DATES.fullmatch(text):
            from_day, to_day = (date.fromisoformat(day) for day in found.groups()[:2])
            if from_day <= to_day:
                return DatedWindow(first=from_day, last=to_day, zone=_zone(found[3]))
    except ZoneInfoNotFoundError as unknown:
        raise ValueError(f"a window in a time zone that this machine knows, as in {WORDS}") from unknown
    except ValueError:
        pass  # 25:00, or the 30th of February
    raise ValueError(f"a window such as {WORDS}")


def current_window(texts: Iterable[str], now: datetime) -> tuple[str, datetime] | None:
    """The window that `now` (aware) is in, and when it ends; of several the one that ends last."""
    found = [(text, end) for text in texts if (end := parse_window(text).ends(now))]
    return max(found, key=lambda one: one[1].astimezone(UTC), default=None)


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError) as error:  # a path, or a folder of the database
        raise ZoneInfoNotFoundError(name) from error


def _minutes(day: int, at: time) -> float:
    return day * 24 * 60 + at.hour * 60 + at.minute + at.second / 60
