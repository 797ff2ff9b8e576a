"""Waits end with what is wanted, or with the last reason why it is not there."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from core.errors import StepError
from core.progress import Progress
from steps.runtime.polling import SHOWN_SECONDS, Pending, poll, retry_until_visible
from tests.unit.steps.cloud import FakeClock


def look(clock: FakeClock, *, shows_after: float) -> str:
    if clock.now() < shows_after:
        raise StepError("PHX-011", "the group is not there")
    return "the group"


@pytest.mark.parametrize("seconds", [0, 3, SHOWN_SECONDS - 5])
def test_what_shows_late_is_found(seconds: float) -> None:
    clock, told = FakeClock(), io.StringIO()
    assert retry_until_visible(lambda: look(clock, shows_after=seconds), Progress(clock, stream=told)) == "the group"
    assert clock.now() < seconds + 5
    assert ("looking again: the group is not there" in told.getvalue()) == (seconds > 0)


def test_what_never_shows_is_missed_after_a_while() -> None:
    clock = FakeClock()
    with pytest.raises(StepError, match="the group is not there"):
        retry_until_visible(lambda: look(clock, shows_after=999), Progress(clock, stream=io.StringIO()))
    assert SHOWN_SECONDS <= clock.now() < SHOWN_SECONDS + 5


def test_it_takes_no_more_time_than_the_step_has() -> None:
    clock = FakeClock()
    with pytest.raises(StepError):
        retry_until_visible(lambda: look(clock, shows_after=999), Progress(clock, limit=10, stream=io.StringIO()))
    assert clock.now() < 15


def waited(*, ready_after: float, limit: float, hurry: bool = False) -> tuple[list[float], str]:
    """When it was looked, and what came of it."""
    clock, looks = FakeClock(), []

    def check() -> Pending | str:
        looks.append(clock.now())
        if clock.now() >= ready_after:
            return "ready"
        return Pending(text="not yet", error=StepError("PHX-011", f"not ready at look {len(looks)}"), hurry=hurry)

    try:
        return looks, poll(Progress(clock, limit=limit, stream=io.StringIO()), check)
    except StepError as error:
        return looks, error.what


def test_the_last_reason_counts_when_time_is_up() -> None:
    looks, why = waited(ready_after=999, limit=20)
    assert why == f"not ready at look {len(looks)}"
    assert 20 <= looks[-1] < 25


def test_who_is_in_a_hurry_looks_every_second_however_long_it_takes() -> None:
    looks, found = waited(ready_after=60, limit=90, hurry=True)
    assert found == "ready"
    assert max(after - before for before, after in pairwise(looks)) <= 1
    patient, _ = waited(ready_after=60, limit=90)
    assert len(patient) < len(looks) / 2
