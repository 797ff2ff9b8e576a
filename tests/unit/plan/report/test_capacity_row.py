"""What a plan says of a group that gets its servers with its traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plan import estimates
from plan.report.capacity_row import capacity_rows
from plan.rollout_plan import RolloutPlan, decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

WANTED = {
    "active": "green",
    "canary_steps": (5, 25, 50),
    "canary_pause_seconds": 300,
    "max_size": 200,
    "canary_capacity": "proportional",
}


def plan(**more: Any) -> tuple[Any, RolloutPlan, Any]:
    given = settings(**{**WANTED, **more})
    state = live(replace(group("blue"), desired=100))
    return given, decide_rollout(given, recipe(), state, now=NOW), state


def test_the_plan_says_how_many_servers_each_share_has_and_what_that_saves() -> None:
    assert capacity_rows(*plan(price_per_hour="0.02 USD")) == [
        (
            "capacity",
            "6 servers for 5 %, 26 for 25 %, 51 for 50 %, 100 before 100 %; of 25 server-hours of the canary that a"
            " full second group takes, 18.1 are saved (0.362 USD)",
        )
    ]
    assert capacity_rows(*plan(canary_capacity="full")) == []
    assert capacity_rows(*plan(canary_steps=())) == []


def test_before_any_traffic_it_has_the_servers_of_its_first_share() -> None:
    given, decided, state = plan()
    assert estimates.first_share(given, decided) == 5
    assert estimates.servers_at(5, given, decided, state) == 6
    assert estimates.servers_at(100, given, decided, state) == 100
    held, decided, _ = plan(traffic=3)
    assert estimates.first_share(held, decided) == 3
    full, decided, _ = plan(canary_capacity="full")
    assert estimates.first_share(full, decided) == 100


def test_a_promotion_counts_the_boots_before_its_steps() -> None:
    least, most = estimates.promotion_seconds(*plan())
    same, longest = estimates.promotion_seconds(*plan(canary_capacity="full"))
    assert least == same
    assert most - longest == 3 * estimates.replacement_seconds(plan()[0])
