"""Credentials that end, and those of somebody else: what the user reads, and that the next update heals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal import faults
from rehearsal.calls import ONLOOKER
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


def test_credentials_of_the_environment_whose_time_is_past(trial: Trial) -> None:
    """botocore asks nobody with these, and raises what is no error of AWS."""
    trial.change()
    with trial.stack.engine.given(AWS_SESSION_TOKEN="ended", AWS_CREDENTIAL_EXPIRATION="2026-01-01T00:00:00Z"):
        trial.refused("AWS could not be asked what is live; nothing was changed", "The credentials have expired",
                      "type: aws sso login")
    assert trial.born() is None
    trial.ends()


def test_credentials_of_a_profile_that_end_in_the_canary_and_are_renewed(trial: Trial, tmp_path: Path) -> None:
    """The profile is in a file that the stack names: provider, plan and steps read it."""
    credentials = tmp_path / "credentials.json"
    expire(credentials, minutes=8)  # so near that botocore asks again for each call
    file = tmp_path / "config"
    file.write_text(f"[profile shop]\ncredential_process = cat {credentials}\n")
    trial.change(canaryPauseSeconds=600, **{"aws:profile": "shop", "aws:sharedConfigFiles": [str(file)]})
    seen = trial.stack.cloud.calls.seen
    before = len(seen)
    running = trial.begin()
    until(lambda: trial.share() == 10 or running.ended, what="a canary")
    assert {call.access_key for call in seen[before:]} <= {"AKIAPROFILE", ONLOOKER}
    trial.strike()
    expire(credentials, minutes=-1)
    until(lambda: any("NOT BACK YET" in line for line in trial.heard), what="the step can't put the weights back")
    expire(credentials, minutes=60)
    said = trial.ends_badly(
        running, "was not promoted", "THE WEIGHTS ARE NOT BACK YET (The credentials have expired (they come from",
        "trying again. By hand: aws elbv2 modify-rule --region",
        f"production traffic is back: {trial.live.color} 100 %",
        "renew the credentials (for example `aws sso login`), then run `pulumi up` again")
    assert "Traceback" not in said
    trial.stack.set(**{"aws:profile": "", "aws:sharedConfigFiles": []})
    trial.ends()


def expire(file: Path, *, minutes: int) -> None:
    """Credentials as a profile's program prints them."""
    ends = datetime.now(UTC) + timedelta(minutes=minutes)
    whole = file.with_suffix(".new")
    whole.write_text(json.dumps({
        "Version": 1, "AccessKeyId": "AKIAPROFILE", "SecretAccessKey": "secret", "SessionToken": "token",
        "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}))
    whole.replace(file)


@pytest.mark.representative
def test_credentials_of_another_account(trial: Trial) -> None:
    """Nothing of the stack is found there; a first birth would be a second shop."""
    trial.stack.cloud.calls.accounts["AKIASTRANGER"] = "999999999999"
    trial.change()
    with trial.stack.engine.given(AWS_ACCESS_KEY_ID="AKIASTRANGER"):
        refused_elsewhere(
            trial, "these credentials belong to account 999999999999, but stack local lives in account 123456789012;"
            " nothing was changed", "type: export AWS_PROFILE=NAME   (a profile of account 123456789012")
    trial.ends()


def test_another_region(trial: Trial) -> None:
    trial.change()
    trial.stack.set(**{"aws:region": "us-east-1"})
    refused_elsewhere(
        trial, "aws:region is us-east-1, but stack local lives in region eu-west-1; nothing was changed",
        "type: pulumi config set aws:region eu-west-1")
    trial.stack.set(**{"aws:region": "eu-west-1"})
    trial.ends()


def refused_elsewhere(trial: Trial, *says: str) -> None:
    """A preview and an update, each before it has asked for more than whose credentials these are."""
    seen = trial.stack.cloud.calls.seen
    before = len(seen)
    planned = trial.stack.engine.preview()
    assert not planned.ok
    for text in says:
        assert text in planned.text
    trial.refused(*says, "elsewhere it is another stack: pulumi stack init NAME")
    assert {call.name for call in seen[before:] if call.access_key != ONLOOKER} == {"sts:GetCallerIdentity"}
