"""Ordinary mistakes: a second state, another name, a forgotten rule, a service taken out of the program."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

import pytest

from tests.cycles.stack import CALM
from tests.faults.points import killed_at
from tests.faults.test_destroyed import gone
from tests.faults.trial import Trial


def held(trial: Trial) -> tuple[Any, ...]:
    """All that could be lost: what stands, who is served, and the ways in."""
    balancing = trial.stack.cloud.client("elbv2")
    balancers = [one["LoadBalancerArn"] for one in balancing.describe_load_balancers()["LoadBalancers"]]
    return trial.stack.groups(), trial.stack.weights(), balancers


def pulumi(trial: Trial, *arguments: str) -> None:
    by = trial.stack.engine.invocation("up")
    done = subprocess.run(
        [by.command[0], *arguments],
        cwd=by.folder,
        env=dict(by.environment),
        check=False,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stdout + done.stderr


def imported(trial: Trial, said: str) -> None:
    """What a refused update says to type is typed."""
    lines = re.findall(r"type: (pulumi import .*)", said)
    assert lines, said
    for line in lines:
        pulumi(trial, *shlex.split(line)[1:], "--stack", "local")


@pytest.mark.representative("back")
def test_a_second_state_of_the_same_stack(trial: Trial) -> None:
    """A clone, another backend, the same stack and files: refused in the preview too, and nothing is touched."""
    before, elsewhere = held(trial), trial.stack.second()
    trial.strike()
    for done in (elsewhere.preview(), elsewhere.up()):
        assert not done.ok
        assert "of phoenix/local, and this state has not made it" in done.text
        assert "pulumi login BACKEND && pulumi stack select STACK" in done.text
    trial.noticed()
    assert [one.type for one in elsewhere.resources() if one.type.startswith("aws:")] == []
    assert held(trial) == before
    trial.change()
    trial.ends()


@pytest.mark.parametrize("keys", [{"service": "shop"}, {"service": "shop", "active": "auto"}])
def test_the_service_is_renamed(trial: Trial, keys: dict[str, str]) -> None:
    before = held(trial)
    trial.stack.set(**keys)
    trial.refused(
        "service and stack are shop/local, but this state has made phoenix/local", "pulumi config set service phoenix"
    )
    assert held(trial) == before
    trial.stack.set(service="phoenix")
    trial.change()
    trial.ends()


def test_the_service_is_taken_out_of_the_program(trial: Trial) -> None:
    """An update may delete nothing of it while users reach it: the guard of its rule goes before all of it."""
    before = held(trial)
    program = trial.stack.shop.folder / "__main__.py"
    right = program.read_text()
    trial.stack.shop.commit("Settings")
    program.write_text("import pulumi\n\npulumi.export('url', '')\n")
    trial.refused(
        "the production rule of phoenix/local was not deleted: users reach 1 group(s) by it",
        "only `pulumi destroy` may delete it, and this is pulumi up",
    )
    assert held(trial) == before
    program.write_text(right)
    trial.change()
    trial.ends()


def forget(trial: Trial, name: str) -> None:
    """Takes a resource out of the state, with all that depends on it."""
    [urn] = [one.urn for one in trial.stack.engine.resources() if one.name == name]
    pulumi(trial, "state", "delete", "--yes", "--stack", "local", "--target-dependents", urn)


@pytest.mark.real_engine
def test_the_state_has_forgotten_the_production_rule(trial: Trial) -> None:
    """The line that the message gives brings it back."""
    before = held(trial)
    forget(trial, "phoenix-local-production")
    imported(trial, trial.refused("the state has forgotten", "phoenix-local-production"))
    trial.up()
    assert held(trial) == before
    trial.change()
    trial.ends()


@pytest.mark.real_engine
@pytest.mark.parametrize("trial", ["forward"], indirect=True)
def test_the_state_has_forgotten_the_live_group(trial: Trial) -> None:
    """And with it whatever depends on it, both rules among them: they are imported, and the group may only be left."""
    before = held(trial)
    forget(trial, "phoenix-local-preview")
    imported(trial, trial.refused("the state has forgotten", "phoenix-local-production", "phoenix-local-preview"))
    trial.refused(
        "which has production: what is made in its place would pass no gate", f"pulumi config set active {trial.new}"
    )
    assert held(trial) == before
    trial.change()
    trial.ends()


@pytest.mark.real_engine
@pytest.mark.parametrize("trial", ["forward"], indirect=True)
def test_the_first_update_is_killed_while_the_load_balancer_is_made(trial: Trial) -> None:
    """The state never hears of it: the next update makes another one, and takes the first away.

    What else was being made in that instant is named, and imported.
    """
    stack = trial.stack
    gone(trial)
    killed_at(trial, "load balancer")
    assert stack.engine.cancel().ok
    stack.set(**CALM)
    done = trial.wait(trial.begin())
    if "the state has forgotten" in done.text:
        imported(trial, done.text)
        done = trial.wait(trial.begin())
    assert done.ok, done.text
    assert "which no state knows, is gone" in done.text
    assert len(held(trial)[2]) == 1
    trial.up()
    trial.ended = True


@pytest.mark.parametrize("trial", ["forward"], indirect=True)
def test_a_protected_stack_is_destroyed(trial: Trial) -> None:
    """Production stays; of what nobody is served by (the dashboard, prune) the engine deletes some before it stops."""
    stack = trial.stack
    stack.set(protect=True, allowedCidrs=["10.0.0.0/8"])  # with HTTP, no internet
    trial.up()
    before = held(trial)
    trial.strike()
    done = stack.engine.destroy()
    assert not done.ok
    assert "protect" in done.text
    trial.noticed()
    assert held(trial) == before
    trial.up()
    stack.set(protect=False, allowedCidrs=["0.0.0.0/0"])
    trial.up()
    trial.change()
    trial.ends()
