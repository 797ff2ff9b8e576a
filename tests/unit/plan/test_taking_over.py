"""The plan while production is taken over from servers that somebody else made: who is launched, and what moves."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import UserError
from plan.readers.live_state import LiveGroup
from plan.rollout_plan import RolloutPlan, decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings
from tests.unit.plan.test_rule_fates import taken_over

BEFORE, NEW = "111111111111", "222222222222"
OLD = "legacy/01"


def decided(*groups: LiveGroup, **said: Any) -> RolloutPlan:
    return decide_rollout(settings(**{"active": "blue", **said}), recipe(NEW), live(*groups), now=NOW)


def test_the_first_release_takes_production_through_the_canary_and_keeps_the_old_servers_to_go_back_to() -> None:
    plan = decided(taken_over(), guard_hours=24)
    assert plan.weights == {"blue": 100, OLD: 0}
    assert (plan.existing, plan.standby, plan.to_delete, plan.guarded) == (None, None, None, False)
    assert plan.needs_traffic_shift and not plan.is_rollback
    assert plan.previous is not None, "with somebody to take production from there is a canary"
    assert [color.color for color in plan.groups] == ["blue"]
    assert plan.live_image == ""


@pytest.mark.parametrize("active", ["blue", "auto"])
def test_a_canary_is_held_and_goes_on_or_back(active: str) -> None:
    held = (taken_over(90), group("blue", NEW, 10))
    assert decided(taken_over(), traffic=10, active=active).weights == {"blue": 10, OLD: 90}
    assert decided(*held, traffic=10, active=active).is_up_to_date
    on, back = decided(*held, active=active), decided(*held, traffic=0, active=active)
    assert (on.weights, back.weights) == ({"blue": 100, OLD: 0}, {"blue": 0, OLD: 100})
    assert on.existing and back.existing


def test_once_it_is_over_nothing_is_to_do_and_the_way_back_stays_open() -> None:
    over = (taken_over(0), group("blue", NEW))
    assert decided(*over).is_up_to_date
    assert decided(*over, traffic=0).weights == {"blue": 0, OLD: 100}
    assert not decided(*over, traffic=0).is_up_to_date


def test_the_second_release_flips_to_the_other_color_and_forgets_the_old_servers() -> None:
    plan = decided(taken_over(0), group("blue", BEFORE), active="green")
    assert plan.weights == {"green": 100}
    assert plan.to_delete and plan.to_delete.color == "blue"
    kept = decided(taken_over(0), group("blue", BEFORE), active="green", keep_previous=True)
    assert kept.weights == {"green": 100, "blue": 0}


def test_a_try_that_went_back_is_launched_again_in_either_color() -> None:
    failed = (taken_over(), group("blue", BEFORE, 0))
    again = decided(*failed)
    assert (again.existing, again.weights) == (None, {"blue": 100, OLD: 0})
    assert again.predecessor(live(*failed)) is not None
    other = decided(*failed, active="green")
    assert other.weights == {"green": 100, OLD: 0}
    assert other.to_delete and other.to_delete.color == "blue"


def test_another_color_waits_until_the_canary_is_over() -> None:
    with pytest.raises(UserError, match="PHX-229: active is green, but blue shares production with legacy/01") as error:
        decided(taken_over(90), group("blue", NEW, 10), active="green")
    assert "pulumi config set active blue, and traffic 100 to go on, or traffic 0 to go back to legacy/01" in str(
        error.value
    )


@pytest.mark.parametrize("active", ["blue", "auto"])
def test_other_scripts_wait_until_the_canary_is_taken_back(active: str) -> None:
    held = (taken_over(90), group("blue", BEFORE, 10))
    with pytest.raises(UserError, match="PHX-203") as error:
        decided(*held, active=active)
    assert "pulumi config set traffic 0 && pulumi up   (takes the canary back)" in str(error.value)
    assert "then: pulumi config set traffic 100 && pulumi up" in str(error.value)
    back = decided(*held, traffic=0, active=active)
    assert back.existing and back.active.pinned and back.weights == {"blue": 0, OLD: 100}
    # Once it is back, servers of the new scripts are launched.
    assert decided(taken_over(), group("blue", BEFORE, 0), active=active).existing is None
