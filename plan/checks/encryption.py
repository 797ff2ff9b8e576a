"""The key that encrypts an image, `imageKmsKey`: what a launch would fail of is told before it.

Without the setting nothing is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from core import kms, partitions
from core.errors import Problem, problem
from plan.config.settings import Settings
from plan.readers.live_state import Account
from plan.readers.reads import QUICK, Reads

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client


def key_problem(reads: Reads, settings: Settings, account: Account) -> Problem | None:
    """Why no image can be encrypted as `imageKmsKey` says; None when it can, or nobody knows."""
    key = settings.image_kms_key
    if not key:
        return None
    try:
        if key == kms.NONE:
            return _always(reads.client("ec2", config=QUICK), settings, account)
        why = kms.key_problem(reads.client("kms", config=QUICK), key, chosen=True)
    except (BotoCoreError, ClientError):
        return None
    return (
        problem(
            "PHX-328",
            "imageKmsKey",
            key,
            f"must be a key that EC2 can encrypt with for account {account.id}; {why}",
            f"let the account use it ({', '.join(kms.ACTIONS)}; docs/one-image.md), or pulumi config set imageKmsKey"
            " ANOTHER",
        )
        if why
        else None
    )


def _always(ec2: EC2Client, settings: Settings, account: Account) -> Problem | None:
    """An account may encrypt every volume, whatever is asked (EBS user guide, "Enable Amazon EBS encryption by
    default"), and AWS's own key is what it takes unless it was told another.
    """
    if not ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]:
        return None
    return problem(
        "PHX-329",
        "imageKmsKey",
        kms.NONE,
        f"must be a key: account {account.id} encrypts every volume in {settings.region} by default",
        f"pulumi config set imageKmsKey arn:{partitions.of(settings.region)}:kms:{settings.region}:{account.id}:key/ID",
    )
