"""Whole cycles on one stack: pre-production, a held canary, the flip, and each way back, without a failed request."""

from __future__ import annotations

import time

from components.color import other
from tests.cycles import Group, Stack, stack, stage

__all__ = ["stack", "stage"]


def test_a_new_group_is_held_in_pre_production_then_as_a_canary_and_then_gets_everything(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other(live.color)
    stack.change()
    stack.set(active=new, traffic=0)
    stack.up()
    groups = stack.groups()
    born = groups[new]
    assert groups[live.color] == live
    assert stack.weights() == {live.color: 100, new: 0}
    assert stack.ask(token=stack.token) == born.generation
    assert stack.ask(token="a guess") == stack.ask() == live.generation
    stack.idle()
    assert {one.color for one in stack.requests()} == {live.color}

    stack.set(traffic=10)
    stack.up()
    assert stack.groups() == groups
    assert stack.weights() == {live.color: 90, new: 10}
    assert stack.answers(seconds=60, what=lambda seen: len(seen) == 2) == {live.color, new}
    stack.idle()

    stack.set(traffic=100)
    stack.up()
    assert stack.groups() == {new: born}
    assert stack.weights() == {new: 100}
    [certificate] = stack.engine.outputs()["certificates"].values()
    assert (certificate["color"], certificate["generation"]) == (new, born.generation)
    assert [move["percent"] for move in certificate["weights"]] == [10, 50, 100]
    assert set(certificate["born"]["first"]) == set(born.instances)
    assert set(certificate["gates"]) == {"verify", "promote"}
    died = stack.engine.outputs()["past"][0]
    assert (died["color"], died["generation"], died["servers"]) == (live.color, live.generation, len(live.instances))
    assert died["from"] < died["until"]
    stack.idle()
    assert stack.engine.outputs()["past"][0] == died


def hold_a_canary(stack: Stack) -> tuple[Group, str]:
    """A new generation with 10 % of production. Returns the group that is live, and the new color."""
    [live] = stack.groups().values()
    new = other(live.color)
    stack.change()
    stack.set(active=new, traffic=10)
    stack.up()
    assert stack.weights() == {live.color: 90, new: 10}
    return live, new


def test_a_held_canary_is_taken_back_at_once(stack: Stack) -> None:
    live, new = hold_a_canary(stack)
    begun, images = time.time(), stack.images()
    stack.set(active=live.color, traffic=100)
    stack.up()
    assert stack.groups() == {live.color: live}
    assert stack.moves(begun) == [{live.color: 90, new: 10}, {live.color: 100, new: 0}, {live.color: 100}]
    assert stack.images() == images
    stack.revert()
    stack.idle()


def test_a_held_canary_is_taken_back_while_git_says_something_third(stack: Stack) -> None:
    live, new = hold_a_canary(stack)
    stack.change()
    begun, images = time.time(), stack.images()
    stack.set(active=live.color, traffic=100)
    stack.up()
    assert stack.groups() == {live.color: live}
    assert {new: 50, live.color: 50} not in stack.moves(begun)
    assert stack.images() == images
    # What git says is then born in the color that is free again.
    stack.set(active=new)
    stack.up()
    assert list(stack.groups()) == [new]
    assert stack.groups()[new].fingerprint != live.fingerprint


def test_the_previous_group_is_kept_for_a_quick_way_back(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other(live.color)
    stack.change()
    stack.set(active=new, keepPrevious=True)
    stack.up()
    groups = stack.groups()
    assert groups[live.color] == live
    assert stack.weights() == {live.color: 0, new: 100}
    stack.idle()

    begun = time.time()
    stack.set(active=live.color)
    back = stack.up()
    assert stack.groups() == groups
    assert stack.weights() == {live.color: 100, new: 0}
    assert {item.name for item in back.operations if "create" in item.op} <= {
        "phoenix-local-verify", "phoenix-local-promote", "phoenix-local-prune"}
    assert [weights for weights in stack.moves(begun) if 0 < weights[new] < 100] == []
    stack.idle()

    stack.set(keepPrevious=False)
    stack.up()
    assert stack.groups() == {live.color: live}
    assert stack.weights() == {live.color: 100}
    stack.revert()
    stack.idle()


def test_servers_are_born_from_a_pinned_image_whatever_git_says(stack: Stack) -> None:
    [old] = stack.groups().values()
    new = other(old.color)
    stack.change()
    stack.set(active=new)
    stack.up()
    assert stack.groups()[new].fingerprint != old.fingerprint
    images = stack.images()
    stack.set(active=old.color, image=old.fingerprint)
    stack.up()
    [reborn] = stack.groups().values()
    assert (reborn.color, reborn.fingerprint, reborn.generation) == (old.color, old.fingerprint, old.generation)
    assert reborn.name != old.name
    assert stack.images() == images
    stack.idle()
