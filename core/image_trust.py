"""Which images are trusted: with `imageSigningKey` those that its signature proves, without it all that have the tags.

KMS signs and checks; no key is on this machine. The signature goes where AWS shows it: on the image as a tag, and to
other accounts, who see no tags, in its description (255 characters). That is why the key is of the curve P-256, whose
signature has 86 characters; one of RSA has 342 and more.

Sources: KMS API reference, Sign, Verify and DescribeKey; EC2 API reference, Image; EC2 user guide, "Use AMI ancestry to
trace the origin of an AMI".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, provenance
from core import kms as keys
from core.errors import StepError
from core.images import UNSIGNED, Image
from core.provenance import COPIED_FROM, SIGNATURE

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from types_boto3_kms import KMSClient

# No alias: whoever may move it would choose whom to trust.
ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[\w-]+")
KEY_SPEC = "ECC_NIST_P256"
ALGORITHM: Final = "ECDSA_SHA_256"


def parse_key(text: str) -> str:
    """What --signing-key may be. Raises ValueError."""
    if text == "" or ARN.fullmatch(text):
        return text
    raise ValueError("not the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID), or empty")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """`key`: ARN of `imageSigningKey`, and `kms` a client of its region; empty and None: images are trusted by tag."""

    region: str  # of the images
    key: str = ""
    kms: KMSClient | None = None

    def __post_init__(self) -> None:
        if bool(self.key) is (self.kms is None):
            raise ValueError("a key comes with a client, and trust by tag with neither")

    def judge(self, images: Iterable[Image]) -> list[Image]:
        """The images, each with why it is not to be trusted. Raises StepError when KMS does not answer."""
        return [replace(image, doubt=self._doubt(image)) if image.complete else image for image in images]

    def judge_originals(self, images: Iterable[Image], fingerprint: str) -> list[Image]:
        """Images of another account or region, those judged that have a fingerprint, or its first digits."""
        return [self._original(one) if one.fingerprint.startswith(fingerprint) else one for one in images]

    def _original(self, image: Image) -> Image:
        if self.kms is not None and COPIED_FROM in image.tags:
            return replace(
                image, doubt=f"it is a copy of {image.tags[COPIED_FROM]}: imageFrom must say where it was baked"
            )
        [judged] = self.judge([image])
        return judged

    def require(self, image: Image) -> Image:
        """The image. Raises StepError for one that is not to be trusted."""
        [judged] = self.judge([image])
        if judged.distrust:
            raise StepError(
                "PHX-436",
                f"{image.id} is not trusted",
                why=judged.distrust,
                do="find out who made it; pulumi config rm image (bakes what git says), or name one that"
                " imageSigningKey has signed",
            )
        return judged

    def _doubt(self, image: Image) -> str:
        if self.kms is None:
            return ""
        if not image.tags.get(SIGNATURE):
            return UNSIGNED
        if COPIED_FROM in image.tags and (why := copy_doubt(image)):
            return why
        try:
            der = provenance.to_der(image.tags[SIGNATURE])
        except ValueError as error:
            return f"its signature is none: {error}"
        if self._verified(self.kms, provenance.of(image, region=self.region).signed, der):
            return ""
        return "its signature is not imageSigningKey's, or is for another image or other tags"

    def _verified(self, kms: KMSClient, message: bytes, signature: bytes) -> bool:
        try:
            answer = kms.verify(
                KeyId=self.key, Message=message, MessageType="RAW", Signature=signature, SigningAlgorithm=ALGORITHM
            )
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and aws.error_code(error) == "KMSInvalidSignatureException":
                return False
            raise StepError(
                "PHX-437",
                "it can't be checked who signed the image",
                why=aws.error_reason(error),
                do=f"allow kms:Verify on {self.key} to whoever deploys (docs/one-image.md), and have it enabled",
            ) from error
        return answer["SignatureValid"]


def trust(session: boto3.Session, *, key: str, region: str, config: Config) -> Trust:
    """Which images of a region may be used; KMS is asked in the region of the key. Without a key, by tag."""
    kms = session.client("kms", region_name=key.split(":")[3], config=config) if key else None
    return Trust(region=region, key=key, kms=kms)


def copy_doubt(image: Image) -> str:
    """Why EC2 does not prove that an image is the copy that its tag says; empty when it does.

    An image made from a changed server of the original has the same source, and the server's id beside it.
    """
    original = provenance.parse_original(image.tags.get(COPIED_FROM, ""))
    if original is None:
        return f"its tag {COPIED_FROM} names no image"
    if image.source_instance:
        return f"EC2 says that it was made from the server {image.source_instance}, and is no copy"
    if (image.source_image, image.source_region) != (original.image, original.region):
        seen = f"of {image.source_image} in {image.source_region}" if image.source_image else "of no image"
        return f"its tag says that it is a copy of {original.image} in {original.region}; EC2 says {seen}"
    return ""


def sign(kms: KMSClient, key: str, image: Image, *, region: str) -> str:
    """The signature for an image of `region`, as its tag has it. Raises ClientError."""
    der = kms.sign(
        KeyId=key,
        Message=provenance.of(image, region=region).signed,
        MessageType="RAW",
        SigningAlgorithm=ALGORITHM,
    )["Signature"]
    return provenance.from_der(der)


def may_sign(kms: KMSClient, key: str) -> None:
    """Raises ClientError when `sign` would."""
    try:
        kms.sign(KeyId=key, Message=b"-", MessageType="RAW", SigningAlgorithm=ALGORITHM, DryRun=True)
    except ClientError as error:
        if aws.error_code(error) != "DryRunOperationException":
            raise


def key_problem(kms: KMSClient, key: str) -> str:
    """Why a key can't sign or prove images; empty when it can. Raises ClientError."""
    found = keys.enabled_key(kms, key)
    if isinstance(found, str):
        return found
    if found.get("KeyUsage") != "SIGN_VERIFY" or found.get("KeySpec") != KEY_SPEC:
        return f"it is for {found.get('KeyUsage')}, of the kind {found.get('KeySpec')}"
    return ""
