"""Sizes that a group gets at set times, as the key `schedule` names them: cron, time zone, sizes. Pure.

AWS takes Unix' cron with five fields, and refuses two actions of a group that begin at one time ("Scheduled scaling for
Amazon EC2 Auto Scaling", EC2 Auto Scaling user guide).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Of each field its name, its least and its largest number, and words for numbers from the least on.
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
KEYS = {"cron", "timeZone", "minSize", "maxSize", "desired"}
# Of a group ("Quotas for Auto Scaling resources and groups", EC2 Auto Scaling user guide); a stack has use for few.
MOST = 50
EXAMPLE = '{"morning": {"cron": "0 7 * * mon-fri", "timeZone": "Europe/Berlin", "minSize": 4, "maxSize": 10}}'


@dataclass(frozen=True, kw_only=True)
class ScheduledSize:
    """From each time of `cron` in `time_zone` on a group has `min_size` to `max_size` servers; at that time `desired`
    (None: as many as it has, within them)."""

    cron: str
    time_zone: str
    min_size: int
    max_size: int
    desired: int | None = None


def parse_schedule(text: str) -> dict[str, ScheduledSize]:
    """Scheduled sizes by name. Raises ValueError, whose text completes the sentence "schedule must be ..."."""
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or not all(isinstance(one, dict) for one in said.values()):
        raise ValueError(f"an object of names, each with a cron and sizes, such as {EXAMPLE}")
    if len(said) > MOST:
        raise ValueError(f"at most {MOST} times")
    found = {}
    for name, one in said.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"an object of names in lower-case letters, digits and hyphens ({name!r} is not)")
        found[name] = _scheduled(name, one)
    return found


def _scheduled(name: str, said: Mapping[str, Any]) -> ScheduledSize:
    if strange := sorted(said.keys() - KEYS):
        raise ValueError(f"an object in which each has {', '.join(sorted(KEYS))} ({name} has {strange[0]})")
    least, most, desired = (_size(name, said, key) for key in ("minSize", "maxSize", "desired"))
    if least is None or most is None:
        raise ValueError(
            f"an object in which each has minSize and maxSize: what is left out would be yesterday's ({name})"
        )
    if least > most or not least <= (least if desired is None else desired) <= most:
        raise ValueError(f"an object in which minSize, desired and maxSize of each rise ({name}'s do not)")
    return ScheduledSize(
        cron=_cron(name, said.get("cron")),
        time_zone=_zone(name, said.get("timeZone", "UTC")),
        min_size=least,
        max_size=most,
        desired=desired,
    )


def _size(name: str, said: Mapping[str, Any], key: str) -> int | None:
    value = said.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000):
        raise ValueError(f"an object in which each {key} is a whole number from 1 to 1000 servers ({name}'s is not)")
    return value


def _zone(name: str, text: Any) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise ValueError(
            f"an object in which each timeZone is one of IANA's, such as Europe/Berlin ({name}'s is not)"
        ) from None
    return str(text)


def _cron(name: str, text: Any) -> str:
    parts = text.split() if isinstance(text, str) else []
    if len(parts) != len(FIELDS):
        raise ValueError(
            f"an object in which each cron has five fields, such as '0 7 * * mon-fri' ({name}'s has {len(parts)})"
        )
    for part, field in zip(parts, FIELDS, strict=True):
        if not _numbers(part, field):
            raise ValueError(
                f"an object in which each cron has a {field[0]} from {field[1]} to {field[2]}, * or a list, range or"
                f" step of them ({name}'s is {part})"
            )
    return " ".join(parts)


def _numbers(part: str, field: tuple[str, int, int, tuple[str, ...]]) -> set[int]:
    """Those that a field names; none when it is none of cron's."""
    _, least, most, words = field
    found: set[int] = set()
    for piece in part.lower().split(","):
        span, _, step = piece.partition("/")
        first, _, last = span.partition("-")
        numbers = [
            words.index(one) + least if one in words else int(one) if one.isdecimal() else -1 for one in (first, last)
        ]
        begin, end = (least, most) if span == "*" else (numbers[0], numbers[1] if last else numbers[0])
        if step and not last and span != "*":
            end = most
        if not least <= begin <= end <= most or (("/" in piece) != (step.isdecimal() and int(step or 0) > 0)):
            return set()
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def clashes(schedule: Mapping[str, ScheduledSize]) -> Iterator[tuple[str, str]]:
    """Names of which both may act in one minute; of different time zones nobody says."""
    names = list(schedule)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            a, b = schedule[one], schedule[other]
            if a.time_zone == b.time_zone and _meet(a.cron.split(), b.cron.split()):
                yield one, other


def _meet(one: list[str], other: list[str]) -> bool:
    """Whether all fields have a number in common. Of the two kinds of days a cron needs only one when it names both."""
    common = [bool(_numbers(a, field) & _numbers(b, field)) for a, b, field in zip(one, other, FIELDS, strict=True)]
    both = any("*" not in (cron[2], cron[4]) for cron in (one, other))
    return common[0] and common[1] and common[3] and (both or (common[2] and common[4]))
