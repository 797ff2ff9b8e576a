"""Times at which the group that serves gets other sizes: what AWS would refuse, then or when the time comes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from plan.config.schedule import ScheduledSize, clashes, parse_schedule

MORNING = {"cron": "0 7 * * mon-fri", "timeZone": "Europe/Berlin", "minSize": 4, "maxSize": 10}


def parsed(**said: Any) -> dict[str, ScheduledSize]:
    return parse_schedule(json.dumps(said))


def test_a_time_has_a_cron_and_sizes() -> None:
    assert parsed(
        morning={**MORNING, "desired": 6}, night={"cron": "30 20 1,15 */2 *", "minSize": 2, "maxSize": 4}
    ) == {
        "morning": ScheduledSize(cron="0 7 * * mon-fri", time_zone="Europe/Berlin", min_size=4, max_size=10, desired=6),
        "night": ScheduledSize(cron="30 20 1,15 */2 *", time_zone="UTC", min_size=2, max_size=4),
    }
    assert parsed() == {}


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ([], "an object of names, each with a cron and sizes"),
        ({"morning": "0 7 * * *"}, "an object of names, each with a cron and sizes"),
        ({"Morning": MORNING}, "'Morning' is not"),
        ({"m": {**MORNING, "size": 1}}, "m has size"),
        ({"m": {**MORNING, "minSize": None}}, "what is left out would be yesterday's (m)"),
        ({"m": {"cron": "0 7 * * *", "desired": 4}}, "each has minSize and maxSize"),
        ({"m": {**MORNING, "minSize": 11}}, "minSize, desired and maxSize of each rise"),
        ({"m": {**MORNING, "desired": 3}}, "minSize, desired and maxSize of each rise"),
        ({"m": {**MORNING, "desired": 11}}, "minSize, desired and maxSize of each rise"),
        ({"m": {**MORNING, "minSize": 0}}, "each minSize is a whole number from 1 to 1000 servers"),
        ({"m": {**MORNING, "maxSize": "10"}}, "each maxSize is a whole number"),
        ({"m": {**MORNING, "desired": True}}, "each desired is a whole number"),
        ({"m": {**MORNING, "timeZone": "Berlin"}}, "one of IANA's, such as Europe/Berlin"),
        ({"m": {**MORNING, "timeZone": "../etc"}}, "one of IANA's"),
        ({"m": {**MORNING, "timeZone": 1}}, "one of IANA's"),
        ({"m": {**MORNING, "cron": "0 7 * * ? *"}}, "each cron has five fields"),
        ({"m": {**MORNING, "cron": 7}}, "each cron has five fields"),
        ({"m": {**MORNING, "cron": "60 7 * * *"}}, "a minute from 0 to 59"),
        ({"m": {**MORNING, "cron": "0 24 * * *"}}, "a hour from 0 to 23"),
        ({"m": {**MORNING, "cron": "0 7 0 * *"}}, "a day of the month from 1 to 31"),
        ({"m": {**MORNING, "cron": "0 7 * 13 *"}}, "a month from 1 to 12"),
        ({"m": {**MORNING, "cron": "0 7 * * fri-mon"}}, "a day of the week from 0 to 6"),
        ({"m": {**MORNING, "cron": "0 7 ? * *"}}, "a day of the month"),
        ({"m": {**MORNING, "cron": "*/0 7 * * *"}}, "a minute"),
        ({"m": {**MORNING, "cron": "1, 7 * * *"}}, "a minute"),
        ({"m": {**MORNING, "cron": "1/ 7 * * *"}}, "a minute"),
    ],
)
def test_what_aws_would_not_take_or_not_do_is_refused(said: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        parse_schedule(json.dumps(said))


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("0 7 * * *", "0 7 * * mon", True),
        ("0 7 * * mon-fri", "0 7 * * sat,sun", False),
        ("0 7 * * *", "0 8 * * *", False),
        ("*/15 * * * *", "45 7 * * *", True),
        ("5/10 7 * * *", "45 7 * * *", True),
        ("0 7 1 jan *", "0 7 * 1 *", True),
        ("0 7 1 * mon", "0 7 2 * tue", True),
    ],
)
def test_no_two_times_may_be_one(one: str, other: str, clash: bool) -> None:
    """A cron that names both kinds of days is at its time on either, so a Tuesday may be the first of a month."""
    sizes = {"minSize": 1, "maxSize": 2}
    found = parsed(
        a={"cron": one, **sizes}, b={"cron": other, **sizes}, c={"cron": one, "timeZone": "Asia/Tokyo", **sizes}
    )
    assert list(clashes(found)) == ([("a", "b")] if clash else [])
