"""How secrets are named in `environment`, and what the role of the servers may read for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plan.config import secret_references, user_data
from plan.config.constraints import broken_constraints
from plan.config.secret_references import Reference
from rehearsal.cloud import policies
from tests.support.factories import settings

WHERE = {"account": "123456789012", "region": "eu-west-1", "partition": "aws"}
SSM, SECRETS = "arn:aws:ssm:eu-west-1:123456789012:parameter", "arn:aws:secretsmanager:eu-west-1:123456789012:secret"
KEY = "arn:aws:kms:eu-west-1:999999999999:key/1"


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("ssm:/dev/db", Reference("ssm", "/dev/db")),
        ("ssm:db", Reference("ssm", "db")),
        ("secretsmanager:dev/key", Reference("secretsmanager", "dev/key")),
        ("secretsmanager:rds!db-1@x", None),
        ("secretsmanager:dev/key:password", Reference("secretsmanager", "dev/key", "password")),
        ("see ssm: it is there", None),
        ("", None),
        ("SSM:/dev/db", None),
    ],
)
def test_a_value_is_a_name_or_plain(value: str, meant: Reference | None) -> None:
    assert secret_references.parse_reference(value) == meant


@pytest.mark.parametrize(
    "value",
    [
        "ssm:",
        "ssm:dev/db",
        "ssm:/dev//db",
        "ssm:/dev/db/",
        "ssm:/dev db",
        "ssm:/aws/service/x",
        "ssm:/SSM/x",
        "ssm:ssm-x",
        "ssm:/" + "/".join("abcdefghijklmnop"),
        "ssm:/dev/db:3",
        "ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/x",
        "secretsmanager:",
        "secretsmanager:a b",
        "secretsmanager:x:",
        "secretsmanager:x:y:z",
        "secretsmanager:" + "x" * 513,
        "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf",
    ],
)
def test_what_begins_as_a_name_and_is_none_is_refused(value: str) -> None:
    """The application would get that text for its password."""
    [[keys, problem]] = broken_constraints(
        settings(environment={"DB": value, "OK": "ssm:/ok"}), frozenset({"previewToken"}), {}
    )
    assert keys == ("environment",)
    assert f"environment.DB = {value!r}: begins as a secret's name does" in str(problem)
    assert "type: pulumi config set --plaintext --path environment.DB ssm:/phoenix/dev/DB" in str(problem)


def test_more_secrets_than_a_roles_policies_can_hold_are_refused() -> None:
    many = {f"V{number}": f"ssm:/shop/dev/a-parameter-of-some-length/{number}" for number in range(60)}
    [[_, problem]] = broken_constraints(settings(environment=many), frozenset({"previewToken"}), {})
    assert "must name so few that the policies of the servers' role have at most 10240 characters" in str(problem)


def said(*values: str, **where: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(secret_references.reference_policy(values, **{**WHERE, **where}))[
        "Statement"
    ]
    return found


def test_a_role_without_secrets_reads_no_parameter_though_aws_own_policy_lets_it() -> None:
    assert said() == [{"Effect": "Deny", "Action": "ssm:GetParameter*", "Resource": "*"}]


@pytest.mark.parametrize(
    ("action", "resource", "context", "may"),
    [
        ("ssm:GetParameter", f"{SSM}/dev/db", {}, True),
        ("ssm:GetParameters", f"{SSM}/dev/db", {}, True),  # by AWS's policy
        ("ssm:GetParameter", f"{SSM}/dev/db2", {}, False),
        ("ssm:GetParameters", f"{SSM}/dev/other", {}, False),
        ("ssm:GetParametersByPath", f"{SSM}/dev", {}, False),
        ("ssm:GetParameterHistory", f"{SSM}/dev/other", {}, False),
        ("ssm:UpdateInstanceInformation", "*", {}, True),
        ("secretsmanager:GetSecretValue", f"{SECRETS}:dev/key-AbCdEf", {}, True),
        ("secretsmanager:GetSecretValue", f"{SECRETS}:dev/key-2-AbCdEf", {}, False),
        ("secretsmanager:ListSecrets", "*", {}, False),
        ("kms:Decrypt", KEY, {}, False),
        ("kms:Decrypt", KEY, {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}, False),
        (
            "kms:Decrypt",
            KEY,
            {"kms:ViaService": "ssm.eu-west-1.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": f"{SSM}/dev/db"},
            True,
        ),
        (
            "kms:Decrypt",
            KEY,
            {"kms:ViaService": "ec2.eu-west-1.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": f"{SSM}/dev/db"},
            False,
        ),
        (
            "kms:Decrypt",
            KEY,
            {
                "kms:ViaService": "ssm.eu-west-1.amazonaws.com",
                "kms:EncryptionContext:PARAMETER_ARN": f"{SSM}/dev/other",
            },
            False,
        ),
        (
            "kms:Decrypt",
            KEY,
            {
                "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com",
                "kms:EncryptionContext:SecretARN": f"{SECRETS}:dev/key-AbCdEf",
            },
            True,
        ),
        (
            "kms:GenerateDataKey",
            KEY,
            {
                "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com",
                "kms:EncryptionContext:SecretARN": f"{SECRETS}:dev/key-AbCdEf",
            },
            False,
        ),
    ],
)
def test_a_role_reads_what_is_named_and_nothing_else(
    action: str, resource: str, context: dict[str, str], may: bool
) -> None:
    core = {
        "Effect": "Allow",
        "Resource": "*",
        "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:UpdateInstanceInformation"],
    }
    mine = said("ssm:/dev/db", "secretsmanager:dev/key", "secretsmanager:dev/key:user")
    assert policies.allowed([core, *mine], action, resource, context) is may


def test_services_have_another_name_for_keys_in_china() -> None:
    via = [
        one["Condition"]["StringEquals"]["kms:ViaService"]
        for one in said("ssm:db", "secretsmanager:key", region="cn-north-1", partition="aws-cn")
        if one["Action"] == "kms:Decrypt"
    ]
    assert via == ["ssm.cn-north-1.amazonaws.com.cn", "secretsmanager.cn-north-1.amazonaws.com.cn"]


def test_the_local_cloud_takes_no_condition_that_it_does_not_know() -> None:
    unknown = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"NumericEquals": {"x": "1"}}}
    with pytest.raises(ValueError, match="knows no condition NumericEquals"):
        policies.allowed([unknown], "ssm:GetParameter", "*")


def test_names_of_secrets_are_no_variables_of_the_application() -> None:
    text = user_data.user_data(
        settings(environment={"DB": "ssm:/dev/db", "A": "b"}), color="green", generation="0123456789ab"
    )
    plain, names = json.loads(text.partition("\n")[2])["write_files"]
    assert "DB" not in plain["content"] and plain["content"].endswith('A="b"\n')
    assert (names["path"], json.loads(names["content"])) == (
        "/etc/phoenix/secrets.json",
        {"region": "eu-west-1", "variables": {"DB": "ssm:/dev/db"}},
    )
