"""Flags of the engine (`--target` and its like): production is where the gates led it, and the state stays whole."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine import Result
from tests.faults import hands
from tests.faults.trial import Trial

flags = pytest.mark.real_engine  # the stand-in knows none
BALANCER = "aws:lb/loadBalancer:LoadBalancer::phoenix-local"


def with_flags(trial: Trial, *flags: str) -> Result:
    """An update with flags that must do well, with production where it was."""
    before = trial.stack.weights()
    trial.strike()
    done = trial.wait(trial.begin(*flags))
    assert done.ok, done.text
    assert trial.stack.weights() == before
    return done


@flags
@pytest.mark.parametrize("share", [50, 100])
def test_target_of_the_production_rule(trial: Trial, share: int) -> None:
    """The gates are left out, so nothing moves, whatever the settings say."""
    stack = trial.stack
    trial.change(traffic=0)
    trial.up()
    stack.set(traffic=share)
    said = with_flags(trial, f"--target={stack.urn('-production')}").text
    assert f"promote was left out of this update: production stays {trial.new} 0 %, {trial.live.color} 100 %" in said
    assert stack.engine.outputs()["live"]["color"] == trial.live.color
    trial.up()
    assert stack.weights()[trial.new] == share
    trial.ends()


@flags
def test_target_of_the_load_balancer_after_a_kept_group(trial: Trial) -> None:
    """What is not targeted stays as it is in the state, and the state is one that the engine goes on with."""
    stack, old, new = trial.stack, trial.live, trial.new
    trial.change(keepPrevious=True)
    trial.up()
    stack.change()
    stack.set(active=old.color, keepPrevious=False)
    with_flags(trial, f"--target={stack.urn(BALANCER)}")
    if trial.ending == "forward":
        trial.up()
        assert stack.groups()[old.color].generation != old.generation
    else:
        stack.back_to(trial.begun)
        trial.up()
        assert stack.groups()[old.color] == old
    assert list(stack.groups()) == [old.color]
    assert stack.weights() == {old.color: 100}
    assert new not in stack.engine.outputs()["releases"]
    stack.idle()
    trial.ended = True


@flags
def test_what_would_be_half_done_or_made_anew(trial: Trial) -> None:
    """Refused, whatever the settings say: with nothing else to do, and on the way to a new group."""
    stack, new = trial.stack, trial.new
    group, rule = stack.urn("-group"), stack.urn("-production")
    promote, balancer = stack.urn("-promote"), stack.urn(BALANCER)
    for one in (group, rule, balancer, stack.urn("-guard"), "**:Group::*"):
        said = trial.ends_badly(trial.begin(f"--replace={one}"), "made anew, past every gate, while users are served")
        assert f"type: pulumi config set active {new} && pulumi up" in said
    trial.change()
    for given in (
        [f"--target={group}"],
        [f"--exclude={promote}"],
        ["--target", balancer, "--target-dependents"],
        ["--target-replace", group],
    ):
        said = trial.ends_badly(trial.begin(*given), f"in this update {new} passes its gates")
        assert "type: pulumi up   (without --" in said
    assert set(stack.groups()) == {trial.live.color}
    trial.ends()


@flags
@pytest.mark.parametrize("trial", ["forward"], indirect=True)
@pytest.mark.parametrize("flag", ["--parallel=1", "--refresh", "--continue-on-error", "--exclude"])
def test_a_whole_update_with_a_flag(trial: Trial, flag: str) -> None:
    trial.change()
    done = trial.wait(trial.begin(f"{flag}={trial.stack.urn(BALANCER)}" if flag == "--exclude" else flag))
    assert done.ok, done.text
    assert list(trial.stack.groups()) == [trial.new]
    trial.ends()


@flags
@pytest.mark.parametrize("trial", ["forward"], indirect=True)
def test_a_plan_that_was_saved_is_done_as_it_says(trial: Trial, tmp_path: Path) -> None:
    """A birth with its move, then an update that only moves, then one with nothing to do."""
    stack, plan = trial.stack, tmp_path / "plan.json"

    def planned() -> Result:
        with stack.engine.with_environment(PULUMI_EXPERIMENTAL="true"):
            said = trial.wait(stack.engine.start_preview(flags=[f"--save-plan={plan}"]))
            assert said.ok, said.text
            done = trial.wait(trial.begin(f"--plan={plan}"))
        assert done.ok, done.text
        return done

    trial.change(traffic=10)
    planned()
    assert stack.weights() == {trial.new: 10, trial.live.color: 90}
    stack.set(traffic=100)
    planned()
    assert stack.weights() == {trial.new: 100}
    assert set(planned().changes) == {"same"}
    trial.ends()


def pulumi(trial: Trial, *arguments: str, given: str = "") -> str:
    """A command about the state, as a person types it. Returns what it printed."""
    by = trial.stack.engine.invocation("up")
    done = subprocess.run(
        [by.command[0], *arguments, "--stack", "local"],
        cwd=by.folder,
        env=dict(by.environment),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rewritten(trial: Trial, change: Callable[[list[Any]], list[Any]]) -> None:
    """Somebody writes over the state's resources."""
    state = json.loads(pulumi(trial, "stack", "export"))
    state["deployment"]["resources"] = change(state["deployment"]["resources"])
    pulumi(trial, "stack", "import", "--force", given=json.dumps(state))


@flags
@pytest.mark.parametrize("trial", ["forward"], indirect=True)
def test_a_state_that_the_engine_refuses_is_repaired(trial: Trial) -> None:
    """As docs/runbook.md says; and promote looks again when its report is lost."""
    rewritten(trial, lambda held: sorted(held, key=lambda one: one["urn"].endswith("-image-bake")))
    trial.strike()
    assert "snapshot integrity failure; refusing to use it" in trial.stack.refused()
    trial.noticed()
    pulumi(trial, "state", "repair", "--yes")
    trial.stack.idle()

    def without(held: list[Any]) -> list[Any]:
        for one in held:
            if one["urn"].endswith("-promote"):
                one["outputs"]["stdout"] = ""
        return held

    rewritten(trial, without)
    assert "the traffic already is where it should be" in trial.up().text
    trial.stack.idle()
    trial.change()
    trial.ends()


def test_what_a_hand_did_is_what_promote_reports_from_then_on(trial: Trial) -> None:
    """A held canary that somebody made all of production, and the settings follow: nothing takes it back."""
    stack = trial.stack
    trial.change(traffic=10)
    trial.up()
    born = trial.born()
    assert born is not None
    hands.set_weights(stack, {born.target_group: 100, trial.live.target_group: 0})
    trial.strike()
    stack.set(traffic=100, keepPrevious=True)
    said = trial.up().text
    assert "the traffic already is where it should be" in said
    assert stack.engine.refresh().ok
    stack.idle()
    assert stack.weights() == {trial.new: 100, trial.live.color: 0}
    trial.ends()
