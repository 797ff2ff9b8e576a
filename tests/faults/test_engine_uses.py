"""Uses of the engine that a day brings: two updates at once, a refresh at any point, going on after an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cycles.stack import until
from tests.faults.points import killed_at
from tests.faults.trial import Trial


def test_two_updates_at_once(trial: Trial, tmp_path: Path) -> None:
    """The second is refused by the stack's lock; the first, held in its verify, goes on."""
    go = tmp_path / "go"
    trial.change(smokeCommand=f"while [ ! -e {go} ]; do sleep 0.1; done")
    first = trial.begin()
    try:
        until(lambda: trial.born() is not None, what="a birth")
        trial.strike()
        assert "the stack is currently locked by 1 lock(s)" in trial.stack.refused()
        trial.noticed()
    finally:
        go.touch()
    done = trial.wait(first)
    assert done.ok, done.text
    assert trial.stack.weights() == {trial.new: 100}
    trial.ends()


def refresh(trial: Trial) -> None:
    """It reads, and changes nothing."""
    before = trial.stack.groups(), trial.stack.weights()
    done = trial.stack.engine.refresh()
    assert done.ok, done.text
    assert (trial.stack.groups(), trial.stack.weights()) == before


@pytest.mark.parametrize("share", [0, 10])
def test_a_refresh_with_the_new_group_held(trial: Trial, share: int) -> None:
    """In pre-production, and as a canary: the next update finds nothing to do."""
    trial.change(traffic=share)
    trial.up()
    refresh(trial)
    trial.stack.idle()
    assert trial.share() == share
    trial.ends()


def test_a_refresh_of_a_live_stack(trial: Trial) -> None:
    refresh(trial)
    trial.stack.idle()
    trial.change()
    trial.ends()


def test_a_refresh_after_a_failed_birth(trial: Trial) -> None:
    trial.ill("fails-smoke")
    trial.refused("was not verified; production was not touched", "the smoke test failed")
    refresh(trial)
    trial.ends()


@pytest.mark.parametrize("point", ["birth", "canary 10", "production rule", "deletes"])
def test_a_refresh_after_a_kill(trial: Trial, point: str) -> None:
    """With the step killed too: what AWS has done is in no state, until somebody looks."""
    killed_at(trial, point)
    trial.unlock()
    refresh(trial)
    trial.ends()


@pytest.mark.real_engine
def test_continue_on_error(trial: Trial) -> None:
    """A birth that fails, and an engine told to go on (--continue-on-error): what it deletes is not the live group."""
    trial.ill("fails-smoke")
    trial.strike()
    trial.ends_badly(trial.begin("--continue-on-error"), "was not verified; production was not touched")
    trial.ends()
