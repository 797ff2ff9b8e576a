"""The bake proves what it made: KMS signs it by `imageSigningKey`, once its tags and its packages are known."""

from __future__ import annotations

from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, image_trust, provenance
from core.errors import StepError
from core.image_trust import Trust
from core.images import Image
from core.provenance import SIGNATURE
from steps.runtime.command import Context

# What KMS takes at once as it is (KMS API reference, Sign, Message).
MESSAGE_BYTES = 4096


def refuse_key(trust: Trust, *, account: str) -> None:
    """Raises StepError for a key that could not sign what is baked, before anything is."""
    if trust.kms is None:
        return
    try:
        problem = image_trust.key_problem(trust.kms, trust.key)
        if not problem:
            image_trust.may_sign(trust.kms, trust.key)
    except (ClientError, BotoCoreError) as error:
        problem = aws.error_reason(error)
    if problem:
        raise StepError(
            "PHX-438",
            f"the image can't be signed with {trust.key}",
            why=problem,
            do=f"let whoever deploys in account {account} use the key (kms:Sign, kms:Verify, kms:DescribeKey;"
            " docs/one-image.md), or name another as imageSigningKey",
        )


def signed(trust: Trust, image: Image, context: Context) -> Image:
    """The image with its signature, which it has in AWS too. Raises StepError; then nothing is launched from it."""
    if trust.kms is None:
        return image
    try:
        size = len(provenance.of(image, region=trust.region).signed)
        if size > MESSAGE_BYTES:
            raise ValueError(f"what is to be signed has {size} bytes, and KMS takes {MESSAGE_BYTES}")
        signature = image_trust.sign(trust.kms, trust.key, image, region=trust.region)
        context.aws.ec2.create_tags(Resources=[image.id], Tags=[{"Key": SIGNATURE, "Value": signature}])
    except (ClientError, BotoCoreError, ValueError) as error:
        why = str(error) if isinstance(error, ValueError) else aws.error_reason(error)
        raise StepError(
            "PHX-439",
            f"{image.id} is baked, and could not be signed",
            why=why,
            do=f"let whoever deploys use {trust.key} (kms:Sign); then pulumi up bakes another",
        ) from error
    context.progress.line(f"{image.id} is signed by {trust.key}")
    return trust.require(replace(image, tags={**image.tags, SIGNATURE: signature}))
