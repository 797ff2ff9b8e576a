"""The production rule's weights are those that promote reports, whatever the settings say and flags leave out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from core.errors import UserError
from plan import production_weights, rollout_plan
from plan.readers.live_state import LiveGroup, LiveState
from plan.readers.recorded_steps import RecordedSteps, reported_weights
from plan.rollout_plan import RolloutPlan
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW = "111111111111", "222222222222"
BLUE, GREEN = (group(color).target_group for color in ("blue", "green"))


def decided(standing: LiveState, **said: Any) -> RolloutPlan:
    return rollout_plan.decide_rollout(settings(**said), recipe(NEW), standing, now=NOW)


def weights(
    standing: LiveState, declared: dict[str, str], said: dict[str, int], *, left_out: bool = False, **keys: Any
) -> dict[str, int]:
    return production_weights.production_weights(decided(standing, **keys), standing, declared, said, left_out=left_out)


HELD = live(group("blue", OLD), group("green", NEW, 0))
FLIPPED = live(group("blue", OLD, 0), group("green", NEW))
BOTH = {"green": GREEN, "blue": BLUE}


@pytest.mark.parametrize(
    ("standing", "keys", "declared", "said", "found"),
    [
        (live(), {}, {"blue": BLUE}, {BLUE: 100}, {BLUE: 100}),
        (live(group("blue", OLD)), {"active": "green"}, {"green": GREEN}, {GREEN: 100, BLUE: 0}, {GREEN: 100}),
        (
            live(group("blue", OLD)),
            {"active": "green", "keep_previous": True},
            BOTH,
            {GREEN: 100, BLUE: 0},
            {GREEN: 100, BLUE: 0},
        ),
        # Promote does not run for a birth without traffic: it has never heard of green.
        (live(group("blue", OLD)), {"active": "green", "traffic": 0}, BOTH, {BLUE: 100}, {GREEN: 0, BLUE: 100}),
        (HELD, {"active": "green", "traffic": 10}, BOTH, {GREEN: 10, BLUE: 90}, {GREEN: 10, BLUE: 90}),
        # A kept group that leaves the program without a move: while the rule named its target group, that could not go.
        (FLIPPED, {"active": "green"}, {"green": GREEN}, {GREEN: 100, BLUE: 0}, {GREEN: 100}),
    ],
)
def test_they_are_what_promote_reports(
    standing: LiveState, keys: dict[str, Any], declared: dict[str, str], said: dict[str, int], found: dict[str, int]
) -> None:
    assert list(weights(standing, declared, said, **keys).items()) == list(found.items())


@pytest.mark.parametrize(
    ("standing", "keys", "declared", "said", "found"),
    [
        (HELD, {"active": "green"}, {"green": GREEN}, {BLUE: 100}, {GREEN: 0, BLUE: 100}),
        (
            live(group("blue", OLD, 90), group("green", NEW, 10)),
            {"active": "green", "traffic": 50},
            BOTH,
            {GREEN: 10, BLUE: 90},
            {GREEN: 10, BLUE: 90},
        ),
        (
            FLIPPED,
            {"active": "blue", "keep_previous": True},
            {"blue": BLUE, "green": GREEN},
            {GREEN: 100, BLUE: 0},
            {BLUE: 0, GREEN: 100},
        ),
    ],
)
def test_an_update_that_leaves_promote_out_moves_nothing(
    standing: LiveState, keys: dict[str, Any], declared: dict[str, str], said: dict[str, int], found: dict[str, int]
) -> None:
    assert decided(standing, **keys).needs_traffic_shift
    assert weights(standing, declared, said, left_out=True, **keys) == found
    assert production_weights.weights_by_color(found, standing, declared) == {
        arn.split("/")[-2]: share for arn, share in found.items()
    }


def test_an_update_that_leaves_promote_out_keeps_what_a_hand_has_set() -> None:
    """A refresh has the engine see it, and the rule would be put back past every gate."""
    by_hand = live(group("blue", OLD, 1), group("green", NEW, 1))
    assert weights(by_hand, {"green": GREEN}, {GREEN: 100}, left_out=True, active="green") == {GREEN: 50, BLUE: 50}
    # A rule that somebody deleted is made again as promote left it.
    assert weights(live(), {"blue": BLUE}, {BLUE: 100}, left_out=True) == {BLUE: 100}


def test_a_target_group_that_was_replaced_behind_promote_gets_nothing() -> None:
    with pytest.raises(UserError) as kept:
        weights(
            live(group("blue", OLD)),
            {"green": GREEN, "blue": f"{BLUE}-2"},
            {GREEN: 10, BLUE: 90},
            active="green",
            traffic=10,
        )
    assert f"blue's target group was replaced by {BLUE}-2" in str(kept.value)
    assert f"Production stays on {BLUE}" in str(kept.value)
    with pytest.raises(UserError, match="type: pulumi config set active green && pulumi up"):
        weights(live(group("blue", NEW)), {"blue": f"{BLUE}-2"}, {BLUE: 100})


def test_what_promote_has_not_reported_is_said_and_not_declared() -> None:
    with pytest.raises(UserError, match="promote reports green/0123456789abcdef 50 %, blue/0123456789abcdef 50 %"):
        weights(HELD, BOTH, {GREEN: 50, BLUE: 50}, active="green", traffic=10)
    with pytest.raises(UserError, match="promote reports nothing, but this update is to end with blue"):
        weights(live(), {"blue": BLUE}, {})


def test_a_report_that_is_lost_never_makes_a_rule_of_nothing() -> None:
    with pytest.raises(UserError, match="lost from the state"):
        weights(live(), {"blue": BLUE}, {}, left_out=True)
    assert weights(HELD, {"green": GREEN}, {}, left_out=True, active="green") == {GREEN: 0, BLUE: 100}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (json.dumps({"targets": {BLUE: 100}, "weights": {"blue": 100}}), {BLUE: 100}),
        (json.dumps({"weights": {"blue": 100}}), {}),
        ("", {}),
        (None, {}),
        ("no JSON", {}),
        ("[]", {}),
        (json.dumps({"targets": None}), {}),
    ],
)
def test_a_report_is_read_or_lost(said: object, found: dict[str, int]) -> None:
    assert reported_weights(said) == found
    assert RecordedSteps({"shop-promote": {"stdout": said}}).production("shop-promote") == found
    assert RecordedSteps().production("shop-promote") == {}


@pytest.mark.parametrize(
    ("had", "then"),
    [
        (["group", "7"], "8"),
        (["group", ""], "1"),
        (["group"], "1"),
        ([], "1"),
        (None, "1"),
        (["a", "1732456789012"], "1732456789013"),
    ],
)
def test_a_step_runs_again_by_the_next_trigger(had: list[str] | None, then: str) -> None:
    recorded = RecordedSteps({"shop-promote": {"triggers": had}})
    assert recorded.rerun_trigger("shop-promote") == recorded.rerun_trigger("shop-promote") == then


def test_promote_looks_again_where_its_report_is_lost_or_another() -> None:
    def shift(said: dict[str, int] | None, *groups: LiveGroup, **keys: Any) -> bool:
        return decided(replace(live(*groups), reported=said), **keys).needs_traffic_shift

    assert not shift({BLUE: 100}, group("blue", NEW))
    assert not shift({BLUE: 100, GREEN: 0}, group("blue", NEW))
    assert shift({}, group("blue", NEW))
    assert shift({GREEN: 100}, group("blue", NEW))
    # Somebody has done by hand what the settings say now.
    assert shift({GREEN: 10, BLUE: 90}, group("green", NEW), group("blue", OLD, 0), active="green")
    # A birth without traffic is no move.
    assert not shift({BLUE: 100}, group("blue", OLD), active="green", traffic=0)
