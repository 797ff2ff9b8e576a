"""What a freeze refuses, what it lets pass, and how it is overridden. NOW is a Thursday."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plan.checks import freeze
from plan.checks.freeze import Freeze
from plan.readers.live_state import LiveGroup
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW = "111111111111", "222222222222"
FROZEN = ("Mon 00:00-Sun 23:59",)
OPEN = ("Mon 00:00-Mon 00:01",)


def freeze_of(*groups: LiveGroup, image: str = NEW, history: tuple[str, ...] = (), **values: Any) -> Freeze:
    given = settings(**{"freeze": FROZEN, **values})
    alive, spec = replace(live(*groups), history=history), recipe(image)
    plan = decide_rollout(given, spec, alive, now=NOW)
    return freeze.read_freeze(given, plan, alive, generation=spec.generation, now=NOW)


@pytest.mark.parametrize(
    ("groups", "values"),
    [
        pytest.param((), {}, id="the first launch"),
        pytest.param((group("blue", OLD),), {"active": "green"}, id="a flip"),
        pytest.param((group("blue", OLD),), {"active": "green", "traffic": 0}, id="a launch without traffic"),
        pytest.param((group("blue", OLD, 90), group("green", NEW, 10)), {"active": "green"}, id="a larger share"),
    ],
)
def test_what_is_new_waits_until_the_window_ends(groups: tuple[LiveGroup, ...], values: dict[str, Any]) -> None:
    found = freeze_of(*groups, **values)
    assert found.holds
    assert found.ends == "2026-11-29T23:59:00Z"
    (said,) = map(str, freeze.problems(found))
    assert "freeze = 'Mon 00:00-Sun 23:59'" in said
    assert "2026-11-29T23:59:00Z" in said
    assert "pulumi up --config override='REASON'" in said
    assert not freeze_of(*groups, **values, freeze=OPEN).holds


@pytest.mark.parametrize(
    ("groups", "values"),
    [
        pytest.param((group("blue", NEW),), {}, id="an update without a change"),
        pytest.param((group("blue", NEW), group("green", OLD, 0)), {}, id="a kept group that goes"),
        pytest.param((group("blue", NEW, 100, desired=0),), {}, id="servers that are missing"),
        pytest.param(
            (group("blue", OLD, 0, days=2), group("green", NEW, 100, days=1)), {"active": "blue"}, id="the kept group"
        ),
        pytest.param(
            (group("blue", OLD, 90, days=2), group("green", NEW, 10, days=1)), {"active": "blue"}, id="a canary's end"
        ),
        pytest.param(
            (group("blue", OLD, 50, days=2), group("green", NEW, 50, days=1)),
            {"active": "green", "traffic": 10},
            id="a smaller share",
        ),
    ],
)
def test_a_way_back_and_what_mends_is_never_frozen(groups: tuple[LiveGroup, ...], values: dict[str, Any]) -> None:
    assert freeze_of(*groups, **values) == Freeze()


@pytest.mark.parametrize(("most", "held"), [(100, False), (10, True)])
def test_servers_that_production_had_before_may_come_back(most: int, held: bool) -> None:
    past = f"color=green generation={recipe(OLD).generation} most={most}"
    assert freeze_of(group("blue", NEW), image=OLD, active="green", history=(past,)).holds == held


def test_a_reason_overrides_it_and_is_told() -> None:
    given = settings(freeze=FROZEN, active="green", override="a hole in the login")
    found = freeze_of(group("blue", OLD), active="green", override="a hole in the login")
    assert not list(freeze.problems(found))
    assert freeze.rows(given, found) == [
        ("freeze", "Mon 00:00-Sun 23:59 until 2026-11-29T23:59:00Z is overridden: a hole in the login")
    ]


def test_a_reason_that_is_not_needed_is_told_since_no_freeze_would_hold() -> None:
    (row,) = freeze.rows(settings(override="later"), Freeze())
    assert "pulumi config rm override" in row[1]
    assert freeze.rows(settings(), Freeze()) == []
