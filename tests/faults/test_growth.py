"""A canary whose servers come with its traffic: killed while it grows, and refused by AWS in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cycles.stack import until
from tests.faults import hands
from tests.faults.test_launches import NO_ROOM, launches
from tests.faults.trial import Trial

BACK = "production traffic is back"


@contextmanager
def four_servers(trial: Trial) -> Iterator[None]:
    """Four serve, so that a tenth of the traffic needs two, half of it three, and all of it four."""
    hands.scale(trial.stack, trial.live, DesiredCapacity=4)
    until(lambda: trial.stack.healthy(trial.live.target_group) == 4, what="four servers")
    yield
    trial.ends()
    for color in trial.stack.groups().values():
        hands.scale(trial.stack, color, DesiredCapacity=2)
    trial.stack.set(canaryCapacity="full")


def test_servers_that_aws_refuses_at_half_of_the_traffic(trial: Trial) -> None:
    """The canary goes back to a live group that never gave up a server; nobody notices."""
    with four_servers(trial):
        trial.change(canaryCapacity="proportional", canaryPauseSeconds=1, canarySteps=[10, 50])
        running = trial.begin()
        until(lambda: trial.share() == 10, what="10 %")
        born = trial.born()
        assert born and len(born.instances) == 2
        with launches(trial, NO_ROOM):
            trial.ends_badly(
                running,
                "was not promoted",
                "the new group can't get the servers that its next share of the traffic needs",
                NO_ROOM,
                "set canaryCapacity to full",
                BACK,
            )
        assert max(weights.get(trial.new, 0) for weights in trial.stack.moves()) == 10
        assert len(trial.stack.groups()[trial.live.color].instances) == 4


@pytest.mark.parametrize("what", ["the engine", "the machine"])
def test_killed_while_it_grows(trial: Trial, what: str) -> None:
    """Of the engine alone: its step puts production back. With all that it started: the share stays, and both serve."""
    with four_servers(trial):
        trial.change(canaryCapacity="proportional", canaryPauseSeconds=1, canarySteps=[10, 50])
        running = trial.begin()
        until(lambda: trial.share() == 10, what="10 %")
        with trial.machines("slow-boot=20"):
            until(lambda: (born := trial.born()) is not None and len(born.instances) == 3, what="a third server")
            trial.killed(running, what, at={trial.live.color: 90, trial.new: 10})
