"""Production passes from one listener to another beside the first one, and nothing else moves meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plan.checks.listener_move import combined_change_error, missing_listener_error
from plan.checks.permanent import PermanentResources
from plan.listener_move import PRIORITIES, leftover_rules, plan_listener_move
from plan.readers.live_state import LiveGroup
from plan.readers.stack_rules import StackRule
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings
from tests.unit.plan.checks.test_permanent import HTTPS, SECURE, before, listener

OLD, NEW = "111111111111", "222222222222"


def door(was: PermanentResources, kind: str, port: int, priority: int, *, known: bool = False) -> StackRule:
    """A rule as AWS has it; `known`: it is the one that the state holds."""
    ear = was.ports[port].arn
    return StackRule(was.rules[kind].arn if known else f"{ear}/{kind}/{priority}", ear, priority, kind)


BOTH = before(listener(80), listener(8080))


@pytest.mark.parametrize(
    ("was", "there", "port", "preview", "production"),
    [
        (PermanentResources(), [], 80, 10, 100),
        (before(), [("preview", 80, 1, True), ("production", 80, 100, True)], 80, 1, 100),  # as it is
        (before(), [("preview", 80, 1, True), ("production", 80, 100, True)], 8080, 10, 100),
        # Killed when AWS had made the rules, and the state was not told.
        (
            BOTH,
            [("production", 80, 100, True), ("preview", 8080, 10, False), ("production", 8080, 100, False)],
            8080,
            9,
            99,
        ),
        # Taken back from there: the old rules stand.
        (BOTH, [("production", 80, 100, True), ("production", 8080, 100, False)], 80, 1, 100),
        # Taken back when production had passed: the state will have the old rule deleted, at the end.
        (
            before(listener(80), listener(8080), serving=8080),
            [("preview", 80, 10, False), ("production", 80, 100, False), ("production", 8080, 100, True)],
            80,
            9,
            99,
        ),
        (
            before(listener(80), listener(8080), serving=8080),
            [("preview", 80, 1, False), ("", 80, 10, False)],
            80,
            9,
            100,
        ),
    ],
)
def test_a_rule_that_is_made_comes_before_all_of_its_kind(
    was: PermanentResources, there: list[tuple[str, int, int, bool]], port: int, preview: int, production: int
) -> None:
    found = tuple(
        replace(door(was, kind or "preview", number, priority, known=known), kind=kind)
        for kind, number, priority, known in there
    )
    numbers = plan_listener_move(was, replace(live(), listener_rules=found), port=port).priorities
    assert (numbers["preview"], numbers["production"]) == (preview, production)
    assert numbers["preview"] < numbers["production"] < numbers["redirect"] == PRIORITIES["redirect"]


def test_listeners_keep_the_names_that_the_state_has_for_them() -> None:
    named = before(
        replace(listener(443), name="phoenix-dev-listener"),
        replace(listener(80, redirects=True), name="phoenix-dev-redirect"),
    )
    found = plan_listener_move(named, live(), port=443)
    assert found.names == {443: "phoenix-dev-listener", 80: "phoenix-dev-redirect"}
    assert found.redirecting == {80}


def test_a_rule_that_no_state_knows_is_taken_away() -> None:
    known, stray = door(BOTH, "production", 80, 100, known=True), door(BOTH, "production", 8080, 100)
    others = replace(stray, arn="a hand's own", kind="")
    found = replace(live(), listener_rules=(known, stray, others))
    assert leftover_rules(BOTH, found, {known.arn}) == [stray.arn]
    # It may be all that users have.
    assert leftover_rules(BOTH, replace(live(), listener_rules=(stray,)), {known.arn}) == []
    assert (
        leftover_rules(
            BOTH, replace(live(), listener_rules=(known, replace(stray, shares={"green": 100}))), {known.arn}
        )
        == []
    )


def test_a_listener_that_the_state_alone_has_is_told() -> None:
    """The provider fails on deleting it again: without a word of ours that would be all that every update says."""
    arns = {one.port: one.arn for one in BOTH.listeners}
    now = replace(live(), load_balancer=BOTH.balancer, listeners=(arns[8080],))
    [text] = missing_listener_error(BOTH, now)
    assert "'HTTP 80': must be there, and AWS has no such listener any more" in str(text)
    assert "pulumi refresh --clear-pending-creates" in str(text)
    assert list(missing_listener_error(BOTH, replace(now, listeners=tuple(arns.values())))) == []
    assert list(missing_listener_error(BOTH, replace(now, load_balancer=""))) == [], (
        "another load balancer is another problem's"
    )


def test_two_production_rules_that_disagree_are_told() -> None:
    one = replace(door(BOTH, "production", 80, 100, known=True), shares={"blue": 100})
    other = replace(door(BOTH, "production", 8080, 100), shares={"green": 100})
    now, s = replace(live(group("blue", OLD)), listener_rules=(one, other)), settings()
    [text] = combined_change_error(BOTH, now, s, decide_rollout(s, recipe(OLD), now, now=NOW), port=80)
    assert "two production rules of this stack give them to different groups" in str(text)
    assert f"--rule-arn {one.arn} or {other.arn}" in str(text)


@pytest.mark.parametrize(
    ("groups", "keys", "fits"),
    [
        ((group("blue", OLD),), {}, True),
        ((group("blue", OLD),), {"active": "green"}, False),  # green is born
        ((group("blue", OLD, 90), group("green", NEW, 10, days=0.5)), {"active": "green", "traffic": 10}, True),
        ((group("blue", OLD, 90), group("green", NEW, 10, days=0.5)), {"active": "green", "traffic": 20}, False),
        ((group("blue", OLD), group("green", NEW, 0, days=2)), {"keep_previous": True}, True),
        ((group("blue", OLD), group("green", NEW, 0, days=2)), {}, False),  # green goes
        ((group("blue", OLD, verified=False),), {}, False),  # blue passes the gates again
    ],
)
@pytest.mark.parametrize("how", ["another port", "a certificate", "killed half-way", "as it is"])
def test_one_thing_at_a_time(groups: tuple[LiveGroup, ...], keys: dict[str, Any], fits: bool, how: str) -> None:
    was = BOTH if how == "killed half-way" else before()
    changes: dict[str, dict[str, Any]] = {"another port": {"listener_port": 8081}, "a certificate": SECURE}
    listening = changes.get(how, {})
    s = settings(**keys, **listening)
    there = [door(was, "production", 80, 100, known=True)]
    if how == "killed half-way":
        there.append(door(was, "production", 8080, 100))
    now = replace(live(*groups), listener_rules=tuple(there))
    plan = decide_rollout(s, recipe(NEW if keys.get("active") else OLD), now, now=NOW)
    said = list(combined_change_error(was, now, s, plan, port=s.port))
    assert bool(said) == (not fits and how != "as it is"), said
    for text in said:
        assert "must not change together with a launch, a move of traffic or the end of a group" in str(text)
        assert ("killed half-way" in str(text)) == (how == "killed half-way")
        assert "keep listenerPort 80 and no certificateArn still for now" in str(text)


def test_a_stack_without_production_may_do_both() -> None:
    unborn = before(rules={})
    s = settings(listener_port=8081)
    assert list(combined_change_error(unborn, live(), s, decide_rollout(s, recipe(), live(), now=NOW), port=8081)) == []


def test_a_certificate_is_kept_by_its_name() -> None:
    s = settings(active="green")
    now = live(group("blue", OLD))
    [text] = combined_change_error(before(*HTTPS), now, s, decide_rollout(s, recipe(NEW), now, now=NOW), port=80)
    assert "keep listenerPort 443 and certificateArn arn:aws:acm:" in str(text)
