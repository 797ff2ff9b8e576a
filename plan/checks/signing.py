"""The key that proves images, `imageSigningKey`: one that can't is told before anything is baked.

Without the setting nothing is asked.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from core import image_trust
from core.errors import Problem, problem
from core.image_trust import Trust
from plan.config.settings import Settings
from plan.readers.reads import QUICK, Reads


def trust(reads: Reads, settings: Settings, *, region: str) -> Trust:
    """Which images of a region servers may be launched from."""
    return image_trust.trust(reads.session, key=settings.image_signing_key, region=region, config=QUICK)


def key_problem(reads: Reads, settings: Settings) -> Problem | None:
    """Why `imageSigningKey` proves nothing; None when it does, or nobody knows."""
    asked = trust(reads, settings, region=settings.region)
    if asked.kms is None:
        return None
    try:
        why = image_trust.key_problem(asked.kms, asked.key)
    except (BotoCoreError, ClientError):
        return None
    return (
        problem(
            "PHX-358",
            "imageSigningKey",
            asked.key,
            f"must be an enabled key of KMS for SIGN_VERIFY, of the kind {image_trust.KEY_SPEC}; {why}",
            f"aws kms create-key --key-usage SIGN_VERIFY --key-spec {image_trust.KEY_SPEC} (docs/one-image.md), and its"
            " ARN as imageSigningKey",
        )
        if why
        else None
    )
