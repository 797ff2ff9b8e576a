"""What AWS does not show yet is looked for again, for a while."""

from __future__ import annotations

import io

import pytest

from core.errors import StepError
from core.progress import Progress
from steps.runtime.polling import SHOWN_SECONDS, retry_until_visible
from tests.unit.steps.cloud import FakeClock


def look(clock: FakeClock, *, shows_after: float) -> str:
    if clock.now() < shows_after:
        raise StepError("the group is not there")
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
