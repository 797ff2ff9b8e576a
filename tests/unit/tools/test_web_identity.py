"""A CI job's token becomes credentials that a shell exports, with their end."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from core.times import parse_time
from tests.support.account import moto_only
from tools import web_identity

ROLE = "arn:aws:iam::123456789012:role/phoenix-dev"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_only(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv(web_identity.TOKEN, "header.payload.signature")


def test_a_shell_has_the_credentials_and_knows_when_they_end(capsys: pytest.CaptureFixture[str]) -> None:
    with mock_aws():
        assert web_identity.main(ROLE, "3600", "gitlab 42 shop/dev") == 0
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"]
    shown = f"import json, os; print(json.dumps({{key: os.environ.get(key, '') for key in {names!r}}}))"
    done = subprocess.run(
        ["sh", "-euc", f'eval "$1"; exec python3 -c "{shown}"', "sh", capsys.readouterr().out],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    found = json.loads(done.stdout)
    assert all(found.values())
    ends = parse_time(found["AWS_CREDENTIAL_EXPIRATION"])
    assert ends is not None and timedelta(minutes=55) < ends - datetime.now(UTC) < timedelta(minutes=65)


def test_what_a_shell_would_take_for_more_than_a_value_is_a_value() -> None:
    said = {"AccessKeyId": "A", "SecretAccessKey": "a'; touch x; $(id)", "SessionToken": "b c"}
    text = web_identity.exports({**said, "Expiration": datetime(2026, 1, 1, tzinfo=UTC)})
    done = subprocess.run(
        ["sh", "-euc", f'{text}printf %s "$AWS_SECRET_ACCESS_KEY"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == said["SecretAccessKey"]


class Refusing:
    """STS where the role does not trust the token."""

    def assume_role_with_web_identity(self, **asked: object) -> object:
        assert asked["WebIdentityToken"] == "header.payload.signature"
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Not authorized"}}, "AssumeRoleWithWebIdentity")


def test_a_job_without_the_role_or_without_a_token_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("boto3.client", lambda *_, **__: Refusing())
    assert web_identity.main(ROLE, "3600", "x") == 1
    said = capsys.readouterr()
    assert said.out == "" and f"does not give this job the role {ROLE}" in said.err and "trust" in said.err
    monkeypatch.delenv(web_identity.TOKEN)
    assert web_identity.main(ROLE, "3600", "x") == 1
    said = capsys.readouterr()
    assert said.out == "" and "AWS_ID_TOKEN is not set" in said.err


@pytest.mark.parametrize(("name", "taken"), [("gitlab-42-shop/dev", "gitlab-42-shop-dev"), ("x" * 80, "x" * 64)])
def test_a_session_has_a_name_that_aws_takes(name: str, taken: str) -> None:
    assert web_identity.session_name(name) == taken
