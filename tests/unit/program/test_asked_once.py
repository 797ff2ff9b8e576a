"""No answer of AWS is asked for twice by one plan."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.support.main_program import program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import live_group


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Each call with what it is about, and how often it was made; pages of one answer differ."""
    found: Counter[str] = Counter()
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(self: Any, operation: str, about: Any) -> Any:
        found[f"{operation} {json.dumps(about, sort_keys=True, default=str)}"] += 1
        return call(self, operation, about)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return found


@pytest.mark.parametrize("said", [{}, {"active": "green"}, {"active": "green", "guardHours": 2}])
def test_each_thing_is_asked_once(existing: Existing, asked: Counter[str], said: dict[str, Any]) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    asked.clear()
    if said:
        program(existing=existing, **said)
    else:  # what makes a server has changed, and the flag has not: refused once everything is read
        with pytest.raises(Exception, match="what makes a server changed"):
            program(existing=existing)
    assert [one.partition(" ")[0] for one in asked].count("GetCallerIdentity") == 1
    assert {one: count for one, count in asked.items() if count > 1} == {}


def test_a_first_launch_asks_for_nothing_twice_either(existing: Existing, asked: Counter[str]) -> None:
    program(existing=existing)
    assert asked
    assert {one: count for one, count in asked.items() if count > 1} == {}
