"""AWS's guard over a promotion that is over, and its way back: two notes, kept as tags of the production rule.

The first is written by the step promote when it arms the guard, and says what it consists of; so whoever moves traffic
next ends just that. The second is written by AWS itself, by the guard's Automation document. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.times import iso, parse_time

GUARD = "phoenix:guard"
WAY_BACK = "phoenix:way-back"
# From when AWS goes back no more until the kept servers go: an automation that has begun is over by then.
GRACE = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """AWS watches `generation` until then. `rule` of EventBridge starts the way back, and `schedules` end the guard:
    the first disables that rule, the second takes the kept servers away.
    """

    generation: str
    until: datetime
    rule: str
    schedules: tuple[str, str]

    def text(self) -> str:
        """For the tag: at most 256 characters, of those that Elastic Load Balancing allows."""
        return " ".join((self.generation, iso(self.until), self.rule, *self.schedules))


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """AWS took production away from `generation`, since this `alarm` rang."""

    generation: str
    at: datetime
    alarm: str

    def text(self) -> str:
        """As it stands in the tag."""
        return f"{self.generation} {iso(self.at)} {self.alarm}"


def parse_guard(text: str) -> Guard | None:
    """The note in a tag; None when there is none, or somebody wrote another text."""
    parts = text.split()
    until = parse_time(parts[1]) if len(parts) == 5 else None
    if until is None:
        return None
    return Guard(generation=parts[0], until=until, rule=parts[2], schedules=(parts[3], parts[4]))


def parse_way_back(text: str) -> WayBack | None:
    """AWS's note in a tag; None when there is none, or somebody wrote another text."""
    parts = text.split()
    at = parse_time(parts[1]) if len(parts) == 3 else None
    return WayBack(generation=parts[0], at=at, alarm=parts[2]) if at else None
