"""When AWS watches a group after its promotion, what the plan says of it, and what it then refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.guard import Guard, WayBack
from plan.checks import way_back
from plan.readers.live_state import LiveGroup, LiveState
from plan.report.guard_rows import guard_rows
from plan.rollout_plan import RolloutPlan, decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW, NEXT = "111111111111", "222222222222", "333333333333"
GREEN = recipe(NEW).generation


def armed(hours: float = 5, generation: str = GREEN) -> Guard:
    return Guard(generation=generation, until=NOW + timedelta(hours=hours), rule="rule", schedules=("end", "servers"))


def flipped(*, guard: Guard | None = None, desired: int = 2) -> LiveState:
    """Green has production, and blue is kept."""
    return replace(live(group("blue", OLD, 0, days=2, desired=desired), group("green", NEW)), guard=guard)


def decided(state: LiveState, image: str = NEW, **keys: Any) -> RolloutPlan:
    return decide_rollout(settings(**{"active": "green", "guard_hours": 24, **keys}), recipe(image), state, now=NOW)


def test_a_flip_keeps_the_previous_group_for_the_guard() -> None:
    plan = decided(live(group("blue", OLD)))
    assert plan.arms_guard
    assert plan.weights == {"green": 100, "blue": 0}
    assert plan.to_delete is None


def test_an_update_in_the_guard_changes_nothing() -> None:
    plan = decided(flipped(guard=armed()))
    assert (plan.guarded, plan.arms_guard, plan.is_up_to_date) == (True, False, True)


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (flipped(guard=armed(hours=-1)), {}),
        (flipped(guard=armed(), desired=0), {}),
        (flipped(guard=armed(generation="0" * 12)), {}),
        (flipped(), {}),
        (flipped(guard=armed()), {"guard_hours": 0}),
    ],
    ids=["its time is over", "the kept servers are gone", "another one's", "none", "the key is off"],
)
def test_when_the_guard_is_over_the_kept_group_goes(state: LiveState, keys: dict[str, Any]) -> None:
    plan = decided(state, **keys)
    assert not plan.guarded
    assert plan.to_delete
    assert plan.to_delete.color == "blue"
    assert decided(state, keep_previous=True, **keys).standby, "unless it is kept on purpose"


def test_a_promotion_that_was_killed_is_watched_when_it_goes_on() -> None:
    assert decided(replace(flipped(), promotion_interrupted=True)).arms_guard


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (flipped(guard=armed()), {"active": "blue"}),
        (live(group("blue", OLD)), {"traffic": 10}),
        (live(), {}),
    ],
    ids=["the way back", "a canary", "the first launch"],
)
def test_nobody_watches(state: LiveState, keys: dict[str, Any]) -> None:
    assert not decided(state, **keys).guarded


def gone_back(*groups: LiveGroup) -> LiveState:
    said = WayBack(generation=GREEN, at=NOW - timedelta(hours=1), alarm="phoenix-dev-green-guard")
    there = groups or (group("blue", OLD, days=2), group("green", NEW, 0))
    return replace(live(*there), way_back=said, guard=armed())


def refused(state: LiveState, image: str = NEW, **keys: Any) -> list[str]:
    said = settings(**{"active": "green", "guard_hours": 24, **keys})
    return [str(one) for one in way_back.problems(said, decided(state, image, **keys), state)]


@pytest.mark.parametrize("active", ["green", "auto"])
def test_what_aws_took_production_from_does_not_get_it_by_itself(active: str) -> None:
    [text] = refused(gone_back(), active=active)
    assert f"AWS took production back from green, generation {GREEN}, at 2026-11-24T11:00:00Z" in text
    assert "phoenix-dev-green-guard rang" in text
    assert f"pulumi up --config acknowledge={GREEN}" in text
    assert "pulumi config set active blue" in text


def test_nor_when_its_group_was_deleted_meanwhile() -> None:
    assert refused(gone_back(group("blue", OLD, days=2)))


@pytest.mark.parametrize(
    ("image", "keys"),
    [(NEXT, {}), (OLD, {"active": "blue"}), (NEW, {"active": "blue"}), (NEW, {"acknowledge": GREEN})],
    ids=["another generation", "git went back", "the flag went back", "somebody says so"],
)
def test_everything_else_goes_on(image: str, keys: dict[str, Any]) -> None:
    assert refused(gone_back(), image, **keys) == []


def said(state: LiveState, **keys: Any) -> list[str]:
    plan = decided(state, **keys)
    return [text for _, text in guard_rows(settings(active="green", guard_hours=24, **keys), plan, state, NOW)]


def test_the_plan_says_how_long_it_goes_on_and_what_it_costs() -> None:
    assert said(live(group("blue", OLD, desired=3)), price_per_hour="0.5 USD") == [
        "AWS watches green for 24 h after the flip, and takes production back to blue when an alarm rings; blue keeps"
        " its 3 servers for that (72 h of t3.small, 36.00 USD), then they go"
    ]
    assert said(flipped(guard=armed())) == [
        "AWS watches green until 2026-11-24T17:00:00Z, and takes production back to blue when an alarm rings; blue"
        " keeps its 2 servers for that (10 h of t3.small), then they go"
    ]
    assert said(flipped(guard=armed(hours=-1))) == []
