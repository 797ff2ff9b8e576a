"""A killed update: with -9, in the middle of it."""

from __future__ import annotations

import pytest

from tests.cycles import until
from tests.faults.trial import Trial


@pytest.mark.representative
def test_killed_in_the_canary(trial: Trial) -> None:
    trial.change(canaryPauseSeconds=600)
    running = trial.begin()
    try:
        until(lambda: trial.share() > 0, what="a canary")
        trial.strike()
    finally:
        running.kill()
    trial.ends_badly(running)
    trial.unlock()
    trial.ends()
