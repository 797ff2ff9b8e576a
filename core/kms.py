"""Keys of KMS that encrypt images: whether one can be used, asked before something is made that would fail of it.

EC2 accepts any key and fails later, by the state of what it makes (EC2 API reference, CopyImage: "AWS authenticates the
KMS key asynchronously").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core import aws

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_kms.type_defs import KeyMetadataTypeDef

ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):(\d{12}):(?:key|alias)/(?!aws/)[\w/-]+")
# A snapshot that is not encrypted at all.
NONE = "none"
# What whoever copies an encrypted image does with its key (EBS user guide, "Share the KMS key used to encrypt a shared
# Amazon EBS snapshot").
ACTIONS = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def parse_key(text: str) -> str:
    """What --kms-key may be. Raises ValueError."""
    if text in ("", NONE) or ARN.fullmatch(text):
        return text
    raise ValueError("not the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID), none, or empty")


def key_problem(kms: KMSClient, key: str, *, chosen: bool = False) -> str:
    """Why EC2 can't use a key (its ARN, in the client's region); empty when it can. Raises ClientError.

    `chosen`: as imageKmsKey. AWS's own key is no such choice: nobody else can be let in.
    """
    found = enabled_key(kms, key)
    return found if isinstance(found, str) else kind_problem(found, chosen=chosen)


def enabled_key(kms: KMSClient, key: str) -> KeyMetadataTypeDef | str:
    """What KMS says of a key (its ARN, in the client's region); why nobody can use it, when that is so.

    Raises ClientError.
    """
    try:
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        if aws.error_code(error) in {*aws.DENIED, "NotFoundException", "InvalidArnException"}:
            return aws.error_reason(error)
        raise
    return found if found.get("KeyState", "Enabled") == "Enabled" else f"it is {found['KeyState']}"


def kind_problem(found: KeyMetadataTypeDef, *, chosen: bool = False) -> str:
    """Why EC2 can't encrypt with a key of this kind; empty when it can. `chosen`: as imageKmsKey."""
    if found.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        return f"it is of the kind {found['KeySpec']}; EBS takes symmetric keys only"
    if chosen and found.get("KeyManager") == "AWS":
        return "it is AWS's own key, which can't be shared; an empty imageKmsKey means that one"
    return ""
