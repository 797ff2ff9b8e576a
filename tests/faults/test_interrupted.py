"""An update that is interrupted, as by Ctrl-C: once, which is in order, and twice, which ends it at once."""

from __future__ import annotations

import signal

import pytest

from tests.cycles.stack import until
from tests.faults.points import POINTS, reached
from tests.faults.processes import below, send
from tests.faults.trial import Trial

STOPPED = ("was stopped", "production traffic is back: {live} 100 %", "`pulumi up` tries again")
# What the step that was at work says; elsewhere the engine was, and finishes what it had begun.
SAYS = {
    "bake": ("Packer is interrupted and takes away what it made in AWS", "run `pulumi up` again"),
    "verify": ("verify failed: PHX-010: the process that started it has ended", "run `pulumi up` again"),
    "canary 10": STOPPED,
    "canary 50": STOPPED,
    "soak": STOPPED,
}


@pytest.mark.parametrize(
    "point",
    [pytest.param(name, marks=pytest.mark.representative("back")) if name == "soak" else name for name in POINTS],
)
def test_interrupted(trial: Trial, point: str) -> None:
    with reached(trial, point) as (running, held):
        trial.strike()
        running.interrupt()
        heard(trial)
        if not POINTS[point].step:
            held.released.set()
        said = [text.format(live=trial.live.color) for text in SAYS.get(point, ())]
        trial.ends_badly(running, *said, at=promoted(trial, point))
    trial.ends()


@pytest.mark.parametrize("point", POINTS)
def test_interrupted_twice(trial: Trial, point: str) -> None:
    with reached(trial, point) as (running, _held):
        trial.strike()
        # What runs below the engine is stopped, so that the first interrupt is not all over before the second.
        under = below(running.pid)
        send(signal.SIGSTOP, under)
        try:
            running.interrupt()
            heard(trial)
            running.interrupt()
            until(lambda: running.ended, what="the engine has ended")
        finally:
            send(signal.SIGCONT, under)
        trial.ends_badly(running, at=promoted(trial, point))
    assert trial.stack.engine.cancel().ok
    trial.ends()


def heard(trial: Trial) -> None:
    until(lambda: any("cancelling" in line for line in trial.heard), what="the engine has heard the interrupt")


def promoted(trial: Trial, point: str) -> dict[str, int] | None:
    """Where production stays when its move was complete; None: it is where it was."""
    return {trial.new: 100} if POINTS[point].is_promoted else None
