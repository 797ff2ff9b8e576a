"""A whole cycle on one stack: pre-production, a held canary, the flip, without a failed request."""

from __future__ import annotations

from core.names import other_color
from tests.cycles.stack import Stack


def test_a_new_group_is_held_in_pre_production_then_as_a_canary_and_then_gets_everything(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other_color(live.color)
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
    stack.idle()
