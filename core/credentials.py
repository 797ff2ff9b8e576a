"""Whether the credentials live as long as a step needs them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from botocore.credentials import Credentials, RefreshableCredentials

from core.aws import RENEW, Aws
from core.errors import StepError
from core.times import iso

# Putting weights and sizes back takes a while too.
RESERVE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class CredentialLifetime:
    """`ends`: when they end for good, if that is known. `temporary`: they do end, known or not."""

    ends: datetime | None
    temporary: bool


def credential_lifetime(credentials: Credentials | None) -> CredentialLifetime:
    """How long credentials last.

    Those from the environment end with AWS_CREDENTIAL_EXPIRATION, where that is set: nobody sets new ones for a
    process that runs. Others with an end are renewed by botocore (a role, SSO, a machine's own).
    """
    if isinstance(credentials, RefreshableCredentials):
        fixed = credentials.method == "env"
        ends: datetime | None = getattr(credentials, "_expiry_time", None)
        return CredentialLifetime(ends=ends if fixed else None, temporary=fixed)
    return CredentialLifetime(ends=None, temporary=credentials is not None and bool(credentials.token))


def refusal(found: CredentialLifetime, *, now: datetime, seconds: int) -> StepError | None:
    """Why not to begin something of `seconds` with such credentials."""
    if found.ends is None:
        return None
    left = (found.ends - now).total_seconds()
    if left >= seconds + RESERVE_SECONDS:
        return None
    return StepError(
        "PHX-704",
        "the credentials end before the traffic has moved; production was not touched",
        why=f"they end at {iso(found.ends)}, in {max(0, left):.0f} s; "
        f"canary and soak take {seconds} s, and going back if they fail {RESERVE_SECONDS} s more",
        do=RENEW,
    )


def spare_seconds(found: CredentialLifetime, *, now: datetime, seconds: int) -> float:
    """What is left of credentials beside something of `seconds` and its way back; infinite where no end is known."""
    if found.ends is None:
        return math.inf
    return max(0.0, (found.ends - now).total_seconds() - seconds - RESERVE_SECONDS)


def check(aws: Aws, *, now: datetime, seconds: int) -> tuple[str, float]:
    """Raises StepError when the credentials end too early.

    Returns what to say when that can't be known, and the seconds that are to spare (`spare_seconds`).
    """
    found = credential_lifetime(aws.session.get_credentials())
    refused = refusal(found, now=now, seconds=seconds)
    if refused:
        raise refused
    told = ""
    if found.temporary and found.ends is None:
        told = (
            f"these credentials are temporary and don't say when they end; they are needed for {seconds} s "
            "(AWS_CREDENTIAL_EXPIRATION would tell)"
        )
    return told, spare_seconds(found, now=now, seconds=seconds)
