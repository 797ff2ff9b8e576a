"""Plan and steps act as the provider does, and credentials that end are told in the words of AWS's own refusal."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from core import aws, session
from core.session import FILES, CredentialsEndedError
from plan import user_errors
from plan.config import provider

REGION = "eu-west-1"
CREDENTIALS = "[{}]\naws_access_key_id = {}\naws_secret_access_key = secret\n"
PAST = "2026-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No identity but what a test gives, and no AWS that answers."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def process(folder: Path, expiration: str) -> str:
    """A file of configuration whose profile `shop` has its credentials from a program."""
    said = {
        "Version": 1,
        "AccessKeyId": "AKIAPROCESS",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": expiration,
    }
    script = written(folder / "credentials.py", f"print({json.dumps(said)!r})")
    return written(folder / "config", f"[profile shop]\ncredential_process = {sys.executable} {shlex.quote(script)}\n")


def key(**said: str) -> str:
    found = session.connect(region=REGION, **said).get_credentials()
    assert found is not None
    return str(found.get_frozen_credentials().access_key)


def test_the_files_of_the_provider_are_read_by_the_program_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = CREDENTIALS.format("default", "AKIADEFAULT") + CREDENTIALS.format("shop", "AKIASHOP")
    file = written(tmp_path / "ours", both)
    assert key(credentials_file=file) == "AKIADEFAULT"
    assert key(credentials_file="~/ours", profile="shop") == "AKIASHOP"
    assert key(config_file=process(tmp_path, "2126-01-01T00:00:00Z"), profile="shop") == "AKIAPROCESS"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert key(credentials_file=file) == "AKIAENVIRONMENT", "the provider takes the environment's before a file's"
    assert key(credentials_file=file, profile="shop") == "AKIASHOP", "and a profile of the stack before both"


def test_a_step_reads_what_it_is_given_in_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "ours", CREDENTIALS.format("shop", "AKIASHOP"))
    monkeypatch.setenv(FILES["credentials_file"], "$HOME/ours")
    monkeypatch.setenv("AWS_PROFILE", "shop")
    assert key() == "AKIASHOP"
    environment = {FILES["config_file"]: "~/ours", FILES["credentials_file"]: "$HOME/ours", "OTHER": "~"}
    session.expand(environment)
    assert environment == {name: str(tmp_path / "ours") for name in FILES.values()} | {"OTHER": "~"}


@pytest.mark.parametrize("final", [True, False], ids=["of the environment", "of a program that gives the same again"])
def test_credentials_that_have_ended_and_are_not_renewed_are_an_error_of_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, final: bool
) -> None:
    """botocore raises a RuntimeError, past everybody who puts weights back after an error of AWS."""
    if final:
        for name, value in (
            ("ACCESS_KEY_ID", "AKIA"),
            ("SECRET_ACCESS_KEY", "s"),
            ("SESSION_TOKEN", "t"),
            ("CREDENTIAL_EXPIRATION", PAST),
        ):
            monkeypatch.setenv(f"AWS_{name}", value)
    else:
        monkeypatch.setenv("AWS_CONFIG_FILE", process(tmp_path, PAST))
        monkeypatch.setenv("AWS_PROFILE", "shop")
    with pytest.raises(CredentialsEndedError) as ended:
        aws.connect(account="123456789012", region=REGION, arns=())
    assert ended.value.final == final
    said = str(aws.explain_error(ended.value))
    assert "Why: The credentials have expired (" in said
    assert said.endswith(f"Do:  {aws.RENEW}")
    assert user_errors._next(ended.value).startswith("aws sso login")


@pytest.mark.parametrize(
    ("aws_config", "says"),
    [
        (
            {"assumeRoleWithWebIdentity": '{"roleArn":"arn:aws:iam::1:role/x"}'},
            "export AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        ({"assumeRoles": '[{"roleArn":"x"}]'}, "have a profile assume the role"),
        ({"secretKey": "x"}, "give credentials by AWS_PROFILE, aws:profile or the environment"),
        ({"endpoints": '[{"ec2":"http://x"}]'}, "export AWS_ENDPOINT_URL"),
        ({"useFipsEndpoint": "true"}, "export AWS_USE_FIPS_ENDPOINT=true"),
        ({"sharedConfigFiles": '["a", "b"]'}, "pulumi config set --path 'aws:sharedConfigFiles[0]' ~/.aws/FILE"),
        ({"sharedCredentialsFiles": "~/.aws/credentials"}, "must be a list of one file"),
        ({"sharedCredentialsFiles": "[1]"}, "must be a list of one file"),
    ],
)
def test_what_of_the_provider_can_not_be_followed_is_refused(aws_config: dict[str, str], says: str) -> None:
    [problem] = provider.problems(aws_config)
    assert problem.what.startswith(f"aws:{next(iter(aws_config))} = ")
    assert says in str(problem)


def test_what_is_the_providers_own_matter_is_left_to_it() -> None:
    said = {
        "region": REGION,
        "profile": "shop",
        "defaultTags": "{}",
        "maxRetries": "3",
        "useFipsEndpoint": "false",
        "sharedConfigFiles": '["~/.aws/shop"]',
        "sharedCredentialsFiles": "[]",
    }
    assert list(provider.problems(said)) == []
    assert provider.provider_identity(said) == {"profile": "shop", "config_file": "~/.aws/shop", "credentials_file": ""}


def test_a_client_is_made_once_for_each_service_region_and_configuration() -> None:
    connected = session.connect(region=REGION)
    made = connected.client("sqs", config=aws.CONFIG)
    assert connected.client("sqs", config=aws.CONFIG) is made
    others = (connected.client("sqs"), connected.client("sqs", region_name="us-east-1"), connected.client("sts"))
    assert len({id(made), *map(id, others)}) == 4
    assert others[1].meta.region_name == "us-east-1"
