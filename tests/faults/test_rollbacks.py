"""Ways back: to the kept group, by a pinned image, by git, from a canary; and what the retire guard refuses."""

from __future__ import annotations

import time

import pytest

from tests.faults.trial import Trial

back = pytest.mark.parametrize("trial", ["back"], indirect=True)


def back_from_10_percent(trial: Trial) -> float:
    """The flag goes back to the group that serves, which nobody touches; nothing is baked. Returns when it began."""
    stack, live = trial.stack, trial.live
    begun, images = time.time(), stack.images()
    stack.set(active=live.color, traffic=100)
    trial.strike()
    trial.up()
    trial.is_safe()
    assert stack.groups() == {live.color: live}
    assert stack.images() == images
    return begun


@back
def test_back_to_the_kept_group(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(keepPrevious=True)
    trial.up()
    groups = stack.groups()
    assert groups[live.color] == live
    assert stack.weights() == {live.color: 0, new: 100}
    stack.idle()

    begun = time.time()
    stack.set(active=live.color)
    done = trial.up()
    assert stack.groups() == groups
    assert stack.weights() == {live.color: 100, new: 0}
    assert {item.name for item in done.operations if "create" in item.op} <= {
        "phoenix-local-verify",
        "phoenix-local-promote",
        "phoenix-local-prune",
    }, "nothing was born"
    assert [weights for weights in stack.moves(begun) if 0 < weights[new] < 100] == [], "no canary on the way back"
    stack.idle()

    stack.set(keepPrevious=False)
    trial.up()
    assert stack.groups() == {live.color: live}
    stack.revert()
    stack.idle()
    trial.ended = True


@pytest.mark.representative("back")
def test_back_while_the_newer_generation_is_at_10_percent(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(traffic=10)
    trial.up()
    assert stack.weights() == {live.color: 90, new: 10}
    begun = back_from_10_percent(trial)
    assert stack.moves(begun) == [{live.color: 90, new: 10}, {live.color: 100, new: 0}, {live.color: 100}]
    stack.set(active=new)
    trial.ends()


@back
def test_back_from_10_percent_while_git_says_something_third(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(traffic=10)
    trial.up()
    stack.change()
    begun = back_from_10_percent(trial)
    assert {new: 50, live.color: 50} not in stack.moves(begun)
    # What git says is then born in the color that is free again.
    stack.set(active=new)
    trial.up()
    assert list(stack.groups()) == [new]
    assert stack.groups()[new].fingerprint != live.fingerprint
    trial.ended = True


@back
@pytest.mark.parametrize("how", ["image", "git"])
def test_back_after_the_flip(trial: Trial, how: str) -> None:
    """By the image's fingerprint, whatever git says, or by git: born again from the old image, without a bake."""
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change()
    trial.up()
    assert stack.groups()[new].fingerprint != live.fingerprint
    images = stack.images()
    if how == "git":
        stack.back_to(trial.begun)
    else:
        stack.set(active=live.color, image=live.fingerprint)
    trial.up()
    [reborn] = stack.groups().values()
    assert (reborn.color, reborn.fingerprint, reborn.generation) == (live.color, live.fingerprint, live.generation)
    assert reborn.name != live.name
    assert stack.weights() == {live.color: 100}
    assert stack.images() == images
    stack.idle()
    trial.ended = True


# What somebody puts before the program's own lines: of the groups, only the new color's is declared.
WITHOUT_THE_LIVE_GROUP = """
from types import SimpleNamespace
from components import service

declared = service.AutoScalingGroup
service.AutoScalingGroup = lambda name, *, color, **rest: (
    declared(name, color=color, **rest) if color.color == {new!r} else SimpleNamespace(alarm_arns=[]))
"""


def test_the_live_group_taken_out_of_the_program(trial: Trial) -> None:
    """Whoever edits the program so is refused by the guard of the group's deletion, and told both ways out."""
    stack, live = trial.stack, trial.live
    program = stack.shop.folder / "__main__.py"
    right = program.read_text()
    trial.change(traffic=0)
    program.write_text(WITHOUT_THE_LIVE_GROUP.format(new=trial.new) + right)
    trial.refused(
        f"{live.name} ({live.color}) is live and was not deleted: it gets 100 % of a rule's traffic",
        f"to keep {live.color}: pulumi config set active {live.color} && pulumi up",
        f"to let it go: pulumi config set active {trial.new} && pulumi up, which moves the traffic first",
    )
    program.write_text(right)
    trial.ends()
