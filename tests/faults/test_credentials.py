"""Credentials that end, and those of somebody else: what the user reads, and that the next update heals."""

from __future__ import annotations

import pytest

from rehearsal.cloud import faults
from rehearsal.cloud.calls import OBSERVER_KEY
from tests.cycles.stack import until
from tests.faults.trial import Trial


def test_credentials_that_end_in_the_canary(trial: Trial) -> None:
    """Nobody with ended credentials can put weights back: the canary stays where it is, both groups being well."""
    trial.change(canaryPauseSeconds=600)
    running = trial.begin()
    until(lambda: trial.share() == 10, what="a canary")
    with trial.stack.cloud.calls.failing(faults.of_steps(faults.expired())):
        said = trial.fails(
            running,
            "was not promoted",
            "The security token included in the request is expired",
            "THE WEIGHTS ARE NOT BACK (ModifyRule: ExpiredToken",
            "Type:",
            "aws elbv2 modify-rule --region",
            "renew the credentials (for example `aws sso login`), then run `pulumi up` again",
        )
    assert "trying again" not in said
    assert trial.stack.weights() == {trial.live.color: 90, trial.new: 10}
    trial.ends()


def test_credentials_that_have_ended(trial: Trial) -> None:
    trial.change()
    with trial.stack.cloud.calls.failing(faults.expired()):
        trial.refused("AWS could not be asked what is live; nothing was changed", "expired", "type: aws sso login")
    assert trial.born() is None
    trial.ends()


def test_credentials_of_the_environment_whose_time_is_past(trial: Trial) -> None:
    """botocore asks nobody with these, and raises what is no error of AWS."""
    trial.change()
    with trial.stack.engine.with_environment(
        AWS_SESSION_TOKEN="ended", AWS_CREDENTIAL_EXPIRATION="2026-01-01T00:00:00Z"
    ):
        trial.refused(
            "AWS could not be asked what is live; nothing was changed",
            "The credentials have expired",
            "type: aws sso login",
        )
    assert trial.born() is None
    trial.ends()


@pytest.mark.representative("back")
def test_credentials_of_another_account(trial: Trial) -> None:
    """Nothing of the stack is found there; a first birth would be a second shop."""
    trial.stack.cloud.calls.accounts["AKIASTRANGER"] = "999999999999"
    trial.change()
    with trial.stack.engine.with_environment(AWS_ACCESS_KEY_ID="AKIASTRANGER"):
        refused_elsewhere(
            trial,
            "these credentials belong to account 999999999999, but stack local lives in account 123456789012;"
            " nothing was changed",
            "type: export AWS_PROFILE=NAME   (a profile of account 123456789012",
        )
    trial.ends()


def test_another_region(trial: Trial) -> None:
    trial.change()
    trial.stack.set(**{"aws:region": "us-east-1"})
    refused_elsewhere(
        trial,
        "aws:region is us-east-1, but stack local lives in region eu-west-1; nothing was changed",
        "type: pulumi config set aws:region eu-west-1",
    )
    trial.stack.set(**{"aws:region": "eu-west-1"})
    trial.ends()


def refused_elsewhere(trial: Trial, *says: str) -> None:
    """A preview and an update: whatever was looked at there, meanwhile and in vain, nothing was changed."""
    seen = trial.stack.cloud.calls.seen
    before = len(seen)
    planned = trial.stack.engine.preview()
    assert not planned.ok
    for text in says:
        assert text in planned.text
    trial.refused(*says, "elsewhere it is another stack: pulumi stack init NAME")
    asked = {call.name for call in seen[before:] if call.access_key != OBSERVER_KEY}
    assert "sts:GetCallerIdentity" in asked
    assert [name for name in asked if not name.partition(":")[2].startswith(("Describe", "Get", "List"))] == []
