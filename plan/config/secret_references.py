"""Secrets that `environment` names: how a name is written, and what the role of the servers may read for them. Pure.

`ssm:NAME` is a parameter; `secretsmanager:NAME` a secret, whole, and `secretsmanager:NAME:KEY` one text of the object
that it holds, as those of databases do. The servers read them when they start (image/common/resolve_secrets.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from plan.config import systems_manager

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html and
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_PARAMETER = r"ssm:(?!/?(?i:aws|ssm))(?P<parameter>[a-zA-Z0-9_.-]+|(?:/[a-zA-Z0-9_.-]+){1,15})"
_SECRET = r"secretsmanager:(?P<secret>[a-zA-Z0-9/_+=.@-]{1,512})(?::(?P<key>[a-zA-Z0-9/_+=.@-]+))?"  # noqa: S105 (the form of a name)
REFERENCE = re.compile(f"{_PARAMETER}|{_SECRET}")
PREFIXES = ("ssm:", "secretsmanager:")
RULE = (
    "ssm:NAME or ssm:/PATH/NAME of a parameter, secretsmanager:NAME of a secret, or secretsmanager:NAME:KEY of the"
    " JSON object that it holds"
)
# For all policies within a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_LIMIT = 10240


@dataclass(frozen=True)
class Reference:
    """`kind` is ssm or secretsmanager, as in ARNs; `key` one of the object that a secret holds, or empty."""

    kind: str
    name: str
    key: str = ""


def parse_reference(value: str) -> Reference | None:
    """What a value of `environment` names; None when it is plain, or is meant as a name and is none.

    Of the latter `broken_reference` tells.
    """
    found = REFERENCE.fullmatch(value)
    if found is None:
        return None
    if found["parameter"]:
        return Reference("ssm", found["parameter"])
    return Reference("secretsmanager", found["secret"], found["key"] or "")


def broken_reference(value: str) -> bool:
    """Whether a value begins as a name does and is none: the application would get that text."""
    return value.startswith(PREFIXES) and parse_reference(value) is None


def reference_policy(
    values: Sequence[str], *, account: str, region: str, partition: str, more: Sequence[str] = ()
) -> str:
    """What servers may read: the parameters and secrets that these values name, by their ARNs, and no other.

    Their role allows nothing else (`systems_manager`) but `more`, statements as JSON. The denial is for what is added:
    AmazonSSMManagedInstanceCore, which AWS's Quick Setup attaches too, lets them read every parameter of the account:
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
    All four actions that return values begin alike ("How Parameter Store authorizes parameter retrieval", Systems
    Manager user guide). Keys of KMS are used only by these services, and only for what was named: it is in the
    encryption context ("How AWS Systems Manager Parameter Store uses AWS KMS", KMS developer guide; "Secret encryption
    and decryption", Secrets Manager user guide). The key's own policy must allow it as well.
    """
    arns = {
        kind: [_arn(kind, name, account=account, region=region, partition=partition) for name in names]
        for kind, names in _names(values).items()
    }
    parameters, secrets = arns["ssm"], arns["secretsmanager"]
    statements: list[dict[str, object]] = [
        {
            "Effect": "Deny",
            "Action": "ssm:GetParameter*",
            **({"NotResource": parameters} if parameters else {"Resource": "*"}),
        }
    ]
    keys = f"arn:{partition}:kms:{region}:*:key/*"
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    if parameters:
        statements += [
            {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": parameters},
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": keys,
                "Condition": {
                    "StringEquals": {
                        "kms:ViaService": f"ssm.{region}.{suffix}",
                        "kms:EncryptionContext:PARAMETER_ARN": parameters,
                    }
                },
            },
        ]
    if secrets:
        statements += [
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secrets},
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": keys,
                "Condition": {
                    "StringEquals": {"kms:ViaService": f"secretsmanager.{region}.{suffix}"},
                    "StringLike": {"kms:EncryptionContext:SecretARN": secrets},
                },
            },
        ]
    statements += [json.loads(one) for one in more]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def policy_size(values: Sequence[str], *, region: str, more: Sequence[str] = ()) -> int:
    """Characters of both policies of the role as IAM counts them: without white space. The longest partition's."""
    named = reference_policy(values, account="0" * 12, region=region, partition="aws-us-gov", more=more)
    return len("".join((systems_manager.POLICY + named).split()))


def _names(values: Sequence[str]) -> dict[str, list[str]]:
    named = {found for value in values if (found := parse_reference(value))}
    return {kind: sorted({one.name for one in named if one.kind == kind}) for kind in ("ssm", "secretsmanager")}


def _arn(kind: str, name: str, *, account: str, region: str, partition: str) -> str:
    # A secret's ARN ends with a hyphen and six characters of AWS's choice, so this pattern is of one name alone.
    resource = f"parameter/{name.lstrip('/')}" if kind == "ssm" else f"secret:{name}-??????"
    return f"arn:{partition}:{kind}:{region}:{account}:{resource}"
