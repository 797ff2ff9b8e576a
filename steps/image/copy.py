"""Finds the image that git describes, or copies it from the account and region that bake, and waits for the copy.

Nothing is ever baked here. The copy belongs to this account and carries its own tags, is encrypted anew, and lives on
when the original is gone. AWS goes on copying whatever becomes of this step: the next update finds the copy.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from core import aws, image_sharing, images, package_store, provenance
from core import kms as keys
from core.errors import StepError
from core.image_sharing import AccountRegion
from core.images import Image
from core.names import AMI
from core.progress import Progress
from core.provenance import Original
from core.release_events import Release
from steps.image import reuse, scan
from steps.image.reuse import WantedImage
from steps.runtime import command, notices
from steps.runtime.command import Context
from steps.runtime.options import option
from steps.runtime.polling import Pending, poll

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

# AWS promises no time: 8 GiB usually take 5 to 30 minutes.
COPY_SECONDS = 7200.0
# AWS may show what it has begun a little later.
UNSEEN_SECONDS = 120.0
# What an image may say of itself beside what each does.
ALSO = ("phoenix:base-date", images.BAKED_BY, package_store.TAG, provenance.SIGNATURE)


def _origin(text: str) -> str:
    image_sharing.parse_account_region(text, region="")
    return text


def _key(text: str) -> str:
    if keys.parse_key(text) == keys.NONE:
        raise ValueError("a copy is always encrypted: the ARN of a KMS key, or empty")
    return text


@dataclass(frozen=True, kw_only=True)
class Options(WantedImage):
    image_from: str = option("ACCOUNT or ACCOUNT/REGION that bakes", parse=_origin)
    kms_key: str = option(
        "ARN of the key that encrypts the copy; empty: the account's default", default="", parse=_key, foreign=True
    )
    image: str = option("fingerprint, or ami-... of this account, that is wanted whatever its age", default="")


def copy(options: Options, context: Context) -> Mapping[str, object]:
    with notices.refusing(context, Release(stack=options.stack), why=False):
        return _copy(options, context)


def _copy(options: Options, context: Context) -> Mapping[str, object]:
    trust = reuse.trust(options, context)
    if AMI.fullmatch(options.image):
        return reuse.result(options, context, reuse.pinned(options, context, options.image, trust), copied=False)
    if options.image:
        options = replace(options, fingerprint=options.image, max_age_days=0)
    found = reuse.find_existing(options, context, otherwise="copied", seconds=COPY_SECONDS, trust=trust)
    if found is not None:
        _gate(options, context, found)
        return reuse.result(options, context, found, copied=False)
    place = image_sharing.parse_account_region(options.image_from, region=options.region)
    image = original(options, context, place)
    made = start_copy(options, context.aws.ec2, image, place)
    progress = context.progress.bounded(COPY_SECONDS)
    progress.line(f"{image.id} ({image.name}) of {place} is copied to {made}")
    copied = trust.require(wait_for_copy(context.aws.ec2, made, progress))
    _gate(options, context, copied)
    return reuse.result(options, context, copied, copied=True)


def _gate(options: Options, context: Context, image: Image) -> None:
    if not options.image:
        scan.let_through(context, image, scan.judge(context, image, options), options)


def original(options: Options, context: Context, place: AccountRegion) -> Image:
    """The image to copy, once AWS is known to let us. Raises StepError."""
    session = context.aws.session
    ec2 = session.client("ec2", region_name=place.region, config=aws.CONFIG)
    kms = session.client("kms", region_name=place.region, config=aws.CONFIG)
    image = image_sharing.select(
        reuse.trust(options, context, region=place.region).judge_originals(
            image_sharing.list_shared(ec2, place, service=options.service), options.fingerprint
        ),
        place,
        service=options.service,
        fingerprint=options.fingerprint,
        account=options.account,
        max_age_days=options.max_age_days,
        now=context.clock.utc(),
    )
    image_sharing.check_copyable(ec2, kms, image, place, account=options.account)
    problem = options.kms_key and keys.key_problem(context.aws.kms, options.kms_key, chosen=True)
    if problem:
        raise StepError(
            "PHX-505",
            f"the copy can't be encrypted with {options.kms_key}",
            why=problem,
            do="pulumi config set imageKmsKey ANOTHER",
        )
    return image


def tags(options: Options, image: Image, place: AccountRegion) -> dict[str, str]:
    """A copy's: what its original was made of, this stack's name, and where it comes from."""
    kept = {key: value for key, value in image.tags.items() if key in (*images.COMPLETE, *ALSO)}
    original = Original(account=place.account, region=place.region, image=image.id, snapshots=image.snapshots)
    return {**kept, "phoenix:stack": options.stack, provenance.COPIED_FROM: str(original)}


def start_copy(options: Options, ec2: EC2Client, image: Image, place: AccountRegion) -> str:
    """The id of a copy that AWS has begun. It has its name and tags from the first moment."""
    for left in images.find_images(ec2, {"name": image.name}):
        if left.state in images.FAILED:
            _remove(ec2, left)
    carried: Any = [{"Key": key, "Value": value} for key, value in sorted(tags(options, image, place).items())]
    key: Any = {"KmsKeyId": options.kms_key} if options.kms_key else {}
    try:
        return ec2.copy_image(
            Name=image.name,
            Description=image.description,
            SourceImageId=image.id,
            SourceRegion=place.region,
            Encrypted=True,
            TagSpecifications=[{"ResourceType": kind, "Tags": carried} for kind in ("image", "snapshot")],
            **key,
        )["ImageId"]
    except ClientError as error:
        there = images.find_images(ec2, {"name": image.name})
        # Asked for twice since an answer was lost, or by another stack of this account at the same time.
        if aws.error_code(error) != "InvalidAMIName.Duplicate" or not there:
            raise
        return there[0].id


def wait_for_copy(ec2: EC2Client, made: str, progress: Progress) -> Image:
    """The copy when it is available. Raises StepError when it fails, and takes what is left of it away."""

    def check() -> Image | Pending:
        copy = next(iter(images.find_images(ec2, {"image-id": made})), None)
        if copy is None and progress.elapsed() > UNSEEN_SECONDS:
            raise StepError(
                "PHX-508", f"the copy {made} is gone", why="somebody deregistered it", do="pulumi up (begins another)"
            )
        if copy and copy.state == "available":
            progress.line(f"{made} is there")
            return copy
        if copy and copy.state in images.FAILED:
            _remove(ec2, copy)
            raise StepError(
                "PHX-506",
                f"AWS could not make the copy {made}: it is {copy.state}",
                why=copy.why or "AWS gives no reason",
                do="with a key: allow its use to whoever deploys (docs/one-image.md); then pulumi up",
            )
        error = StepError(
            "PHX-507",
            f"the copy {made} takes longer than {progress.limit:.0f} s",
            why="AWS goes on with it",
            do="pulumi up later: it finds the copy and goes on from there",
        )
        return Pending(text=f"{made} is being copied{_percent(ec2, copy)}", error=error)

    return poll(progress, check)


def _percent(ec2: EC2Client, copy: Image | None) -> str:
    if copy is None or not copy.snapshots:
        return ""
    filters: Any = [{"Name": "snapshot-id", "Values": list(copy.snapshots)}]
    pages = ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=filters)
    said = [one.get("Progress", "") for page in pages for one in page["Snapshots"]]
    return f": {', '.join(said)}" if any(said) else ""


def _remove(ec2: EC2Client, failed: Image) -> None:
    ec2.deregister_image(ImageId=failed.id)
    for snapshot in failed.snapshots:
        ec2.delete_snapshot(SnapshotId=snapshot)


if __name__ == "__main__":
    sys.exit(command.run_step("copy", __doc__, Options, copy))
