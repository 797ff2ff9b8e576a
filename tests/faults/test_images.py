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


def test_an_image_that_dies_of_production(trial: Trial) -> None:
    """No test before production can see it; users meet it for the moment until the traffic is back."""
    trial.ill("dies-live=1", canaryPauseSeconds=600)
    trial.hurts(lambda request: request.color in ("", trial.new))
    trial.refused("was not promoted", "it did not do well with production traffic", "production traffic is back")
    assert {"green": 100, "blue": 0} not in trial.stack.moves()
    trial.ends()


def test_an_image_that_fails_the_smoke_command(trial: Trial) -> None:
    trial.change(smokeCommand="echo the basket is empty; exit 3")
    trial.refused("did not pass the smoke command; production was not touched", "smoke: the basket is empty",
                  "it ended with exit code 3")
    trial.ends()
