"""Images whose servers are ill: nobody ever uses them, and the update says what is wrong with them."""

from __future__ import annotations

import pytest

from tests.faults.trial import Trial

NOT_VERIFIED = "was not verified; production was not touched"
AGAIN = "then run `pulumi up` again"


def test_an_image_that_never_answers(trial: Trial) -> None:
    trial.ill("never-answers")
    trial.refused(NOT_VERIFIED, "the servers fail as fast as they are launched", "Target.Timeout", AGAIN)
    trial.ends()


@pytest.mark.representative("back")
def test_an_image_that_answers_500(trial: Trial) -> None:
    trial.ill("answers-500")
    trial.refused(NOT_VERIFIED, "Target.ResponseCodeMismatch", AGAIN)
    trial.ends()


def test_an_image_in_a_crash_loop(trial: Trial) -> None:
    trial.ill("dies-after=0")
    trial.refused(
        NOT_VERIFIED,
        "the servers fail as fast as they are launched",
        "Target.FailedHealthChecks",
        "dying on purpose",
        "repair the image or its start",
        AGAIN,
    )
    trial.ends()


def test_an_image_that_answers_for_a_while_and_dies(trial: Trial) -> None:
    """Its smoke test is not done before it dies: a newborn that is tested must also outlive the test."""
    trial.ill("dies-after=3", smokeCommand="sleep 6")
    trial.refused(
        NOT_VERIFIED,
        "the servers fail after they have answered: 2 were healthy and are not any more",
        "dying on purpose",
        "repair what ends the application",
        AGAIN,
    )
    trial.ends()


def test_an_image_that_dies_of_production(trial: Trial) -> None:
    """No test before production can see it; users meet it for the moment until the traffic is back."""
    trial.ill("dies-live=1", canaryPauseSeconds=600)
    trial.hurts(lambda request: request.color in ("", trial.new))
    trial.refused("was not promoted", "it failed its checks under production traffic", "production traffic is back")
    assert {"green": 100, "blue": 0} not in trial.stack.moves()
    trial.ends()


def test_an_image_that_is_healthy_and_fails_the_smoke_test(trial: Trial) -> None:
    trial.ill("fails-smoke")
    trial.refused(
        NOT_VERIFIED,
        "the servers are healthy, but the smoke test failed 20 times in a row",
        "500",
        "see why the application answers so",
        AGAIN,
    )
    trial.ends()


def test_an_image_that_fails_the_smoke_command(trial: Trial) -> None:
    trial.change(smokeCommand="echo the basket is empty; exit 3")
    trial.refused(
        "did not pass the smoke command; production was not touched",
        "smoke: the basket is empty",
        "it ended with exit code 3",
    )
    trial.ends()


def test_an_image_that_answers_as_another_generation(trial: Trial) -> None:
    trial.ill("wrong-generation")
    trial.refused(NOT_VERIFIED, "the smoke test failed 20 times in a row", "generation 000000000000", AGAIN)
    trial.ends()


def test_boots_that_are_slow_and_within_the_time_limit(trial: Trial) -> None:
    with trial.machines("slow-boot=4"):
        trial.change()
        trial.up()
    assert trial.share() == 100
    trial.ends()


def test_an_application_that_starts_past_the_time_limit(trial: Trial) -> None:
    trial.ill("slow-boot=3600")
    trial.refused(
        NOT_VERIFIED,
        "the servers fail as fast as they are launched",
        "Target.FailedHealthChecks",
        "booting for 3600",
        "raise bootSeconds if boots take longer than that",
        AGAIN,
    )
    trial.ends()


def test_machines_that_boot_past_the_time_limit(trial: Trial) -> None:
    """Those that boot still do so after the update has given up, and the next one goes on with them."""
    trial.change(bootSeconds=29, verifyTimeoutSeconds=30)
    with trial.stack.cloud.booting(seconds=600):
        trial.refused(
            NOT_VERIFIED,
            "0 of 2 servers were healthy after 30 s",
            "no server was registered",
            "raise verifyTimeoutSeconds if boots take that long",
            AGAIN,
        )
    trial.ends()
