"""Whether the managed policies that the settings name are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from core.aws import error_code


def missing_policies(iam: Any, arns: Sequence[str]) -> tuple[str, ...]:
    """Those that are not. Raises ClientError."""
    return tuple(arn for arn in arns if not _exists(iam, arn))


def _exists(iam: Any, arn: str) -> bool:
    try:
        iam.get_policy(PolicyArn=arn)
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return False
        raise
    return True
