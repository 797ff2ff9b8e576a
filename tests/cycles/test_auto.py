"""The flag on `auto`: it flips by itself, leaves production alone when a birth fails, and goes on from there."""

from __future__ import annotations

from core.names import other_color
from tests.cycles.stack import Stack


def test_a_change_of_the_scripts_flips_by_itself_and_so_does_its_revert(stack: Stack) -> None:
    [old] = stack.groups().values()
    new = other_color(old.color)
    stack.set(active="auto")
    stack.idle()
    stack.change()
    stack.up()
    assert stack.weights() == {new: 100}
    [born] = stack.groups().values()
    assert (born.color, born.fingerprint) == (new, stack.engine.outputs()["live"]["fingerprint"])
    stack.idle()

    images = stack.images()
    stack.revert()
    stack.up()
    [back] = stack.groups().values()
    assert (back.color, back.generation) == (old.color, old.generation)
    assert stack.images() == images
    stack.idle()


def test_a_failed_birth_leaves_production_alone_and_the_next_good_one_sweeps_it_away(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other_color(live.color)
    stack.set(active="auto")
    stack.ill("fails-smoke")
    said = stack.refused()
    assert "was not verified; production was not touched" in said
    assert "the servers are healthy, but the smoke test failed" in said
    assert "500" in said
    failed = stack.groups()[new]
    assert stack.groups()[live.color] == live
    stack.ill("cured")
    stack.up()
    [born] = stack.groups().values()
    assert born.color == new
    assert born.generation not in (live.generation, failed.generation)
    assert stack.weights() == {new: 100}
    stack.idle()


def test_a_birth_without_capacity_is_tried_again(stack: Stack) -> None:
    [live] = stack.groups().values()
    stack.set(active="auto")
    stack.change()
    stack.cloud.fail_launches("Client error on launch: Client.InternalError")
    said = stack.refused()
    assert "a server can't be launched: Client error on launch: Client.InternalError" in said
    assert stack.groups()[live.color] == live
    stack.cloud.fail_launches(None)
    stack.up()
    assert list(stack.groups()) == [other_color(live.color)]
    stack.idle()


def test_a_failed_birth_is_taken_back_by_git_alone(stack: Stack) -> None:
    [live] = stack.groups().values()
    stack.set(active="auto")
    stack.shop.commit("Settings")
    stack.ill("answers-500")
    stack.shop.commit("A change that is ill")
    said = stack.refused()
    assert "was not verified; production was not touched" in said
    assert "Target.ResponseCodeMismatch" in said
    assert len(stack.groups()) == 2
    stack.revert()
    stack.up()
    assert stack.groups() == {live.color: live}
    assert {one.color for one in stack.requests()} == {live.color}
    stack.idle()
