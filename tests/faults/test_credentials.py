"""Credentials that end: what the user reads, and that the next update heals."""

from __future__ import annotations

from rehearsal import faults
from tests.cycles import until
from tests.faults.trial import Trial


def test_credentials_that_end_in_the_canary(trial: Trial) -> None:
    """Nobody with ended credentials can put weights back: the canary stays where it is, both groups being well."""
    trial.change(canaryPauseSeconds=600)
    running = trial.begin()
    until(lambda: trial.share() == 10, what="a canary")
    with trial.stack.cloud.calls.failing(faults.of_steps(faults.expired())):
        said = trial.fails(
            running, "was not promoted", "The security token included in the request is expired",
            "THE WEIGHTS ARE NOT BACK (ModifyRule: ExpiredToken", "Type:", "aws elbv2 modify-rule --region",
            "renew the credentials (for example `aws sso login`), then run `pulumi up` again")
    assert "trying again" not in said
    assert trial.stack.weights() == {trial.live.color: 90, trial.new: 10}
    trial.ends()


def test_credentials_that_have_ended(trial: Trial) -> None:
    trial.change()
    with trial.stack.cloud.calls.failing(faults.expired()):
        trial.refused("AWS could not be asked what is live; nothing was changed", "expired", "type: aws sso login")
    assert trial.born() is None
    trial.ends()
