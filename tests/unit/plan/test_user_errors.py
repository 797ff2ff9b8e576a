"""What a person reads when AWS can't be asked what is live."""

from __future__ import annotations

import pulumi
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from core.errors import Problem, UserError
from plan.user_errors import user_errors


@pytest.mark.parametrize(
    ("code", "status", "types"),
    [
        ("ExpiredToken", 403, "aws sso login"),
        ("RequestExpired", 400, "aws sso login"),
        ("InternalFailure", 500, "pulumi up   (AWS failed"),
        ("RequestLimitExceeded", 503, "pulumi up   (AWS failed"),
        ("Throttling", 400, "pulumi up   (AWS failed"),
        ("InvalidClientTokenId", 403, "aws sts get-caller-identity"),
    ],
)
def test_an_error_of_aws_says_what_to_type(code: str, status: int, types: str) -> None:
    refused = ClientError(
        {"Error": {"Code": code, "Message": "said AWS"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore
        "DescribeRules",
    )
    with pytest.raises(pulumi.RunError) as caught, user_errors():
        raise refused
    text = str(caught.value)
    assert text.startswith("PHX-225: AWS could not be asked what is live; nothing was changed")
    assert f"({code}) when calling the DescribeRules operation: said AWS\n    type: {types}" in text


def test_what_aws_says_is_no_command_to_a_ci_system() -> None:
    refused = ClientError({"Error": {"Code": "X", "Message": "no\n  ::add-mask::e ##[error]x"}}, "DescribeRules")
    with pytest.raises(pulumi.RunError) as caught, user_errors():
        raise refused
    text = str(caught.value)
    assert "add-mask" in text and "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_no_credentials_at_all_are_told_how_to_get_them() -> None:
    with pytest.raises(pulumi.RunError, match="type: aws sso login"), user_errors():
        raise NoCredentialsError


def test_of_one_service_among_several_the_advice_is_about_its_own_key() -> None:
    refused = UserError(
        Problem("PHX-202", "it serves", "pulumi config set active green"),
        Problem("PHX-113", "in clear text", "pulumi config rm previewToken"),
    )
    with pytest.raises(pulumi.RunError) as caught, user_errors(service="shop"):
        raise refused
    assert str(caught.value).startswith("service shop:\n")
    assert "type: pulumi config set --path shop.active green" in str(caught.value)
    assert "type: pulumi config rm previewToken" in str(caught.value), "the token is the whole program's"
