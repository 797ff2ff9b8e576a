"""Images whose servers are ill: nobody ever uses them, and the update says what is wrong with them."""

from __future__ import annotations

import pytest

from tests.faults.trial import Trial

NOT_BORN = "was not born; production was not touched"
AGAIN = "then run `pulumi up` again"


def test_an_image_that_never_answers(trial: Trial) -> None:
    trial.ill("never-answers")
    trial.refused(NOT_BORN, "the servers die as fast as they are born", "Target.Timeout", AGAIN)
    trial.ends()


@pytest.mark.representative
def test_an_image_that_answers_500(trial: Trial) -> None:
    trial.ill("answers-500")
    trial.refused(NOT_BORN, "Target.ResponseCodeMismatch", AGAIN)
    trial.ends()


def test_an_image_in_a_crash_loop(trial: Trial) -> None:
    trial.ill("dies-after=0")
    trial.refused(NOT_BORN, "the servers die as fast as they are born", "Target.FailedHealthChecks",
                  "dying on purpose", "repair the image or its start", AGAIN)
    trial.ends()


def test_an_image_that_answers_for_a_while_and_dies(trial: Trial) -> None:
    """Its smoke test is not done before it dies: a newborn that is tested must also outlive the test."""
    trial.ill("dies-after=3", smokeCommand="sleep 6")
    trial.refused(NOT_BORN, "the servers die after they have answered: 2 were healthy and are not any more",
                  "dying on purpose", "repair what ends the application", AGAIN)
    trial.ends()
