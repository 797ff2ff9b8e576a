"""An engine that is killed in the middle of a canary: the next update converges, forward or back."""

from __future__ import annotations

import time

from components.color import other
from tests.cycles import Group, Stack, stack, stage, until

__all__ = ["stack", "stage"]


def kill_in_the_canary(stack: Stack) -> Group:
    """An update to a new generation, killed with -9 at its first canary weight. Returns the group that is live."""
    [live] = stack.groups().values()
    new = other(live.color)
    stack.change()
    stack.set(active=new, canaryPauseSeconds=600)
    running = stack.engine.start_up()
    try:
        until(lambda: stack.weights().get(new, 0) > 0, what="a canary")
    finally:
        running.kill()
        running.wait(60)
    until(lambda: not stack.weights().get(new), what="the weights are back")
    assert stack.groups()[live.color].instances == live.instances
    assert "lock" in stack.refused()
    assert stack.engine.cancel().ok
    stack.set(canaryPauseSeconds=1)
    return live


def test_a_killed_flip_is_finished_by_the_next_update(stack: Stack) -> None:
    live = kill_in_the_canary(stack)
    new = other(live.color)
    born = stack.groups()[new]
    begun = time.time()
    stack.up()
    assert list(stack.groups()) == [new]
    assert stack.groups()[new].instances == born.instances
    assert {live.color: 90, new: 10} in stack.moves(begun)
    assert stack.groups()[new].minimum == 2
    stack.idle()


def test_a_killed_flip_is_taken_back_by_the_next_update(stack: Stack) -> None:
    live = kill_in_the_canary(stack)
    stack.set(active=live.color)
    stack.revert()
    stack.up()
    assert stack.groups() == {live.color: live}
    stack.idle()
