"""Where images come from that another account or region has baked: which there are for us, and can they be copied.

AWS hides the tags of an image from the accounts that it is shared with, and whoever copies it needs its snapshots
shared too, and their key when they are encrypted (EC2 user guide, "Share an AMI with specific AWS accounts" and "Copy
an Amazon EC2 AMI"). So an image's name says its service and fingerprint, and its description, which the step `share`
writes, the rest. Both could be anybody's: images are asked for by the account that owns them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core import aws, images, revocation
from core import kms as keys
from core.errors import StepError
from core.images import Image
from core.names import shown

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_kms import KMSClient

PLACE = re.compile(r"(\d{12})(?:/([a-z]{2,}(?:-[a-z]+)+-\d+))?")
# EC2 takes no longer description of an image.
DESCRIPTION_CHARACTERS = 255
# The name of the base comes last: it may have blanks, and be cut off; beside a signature there is no room for it. The
# image's own name says its service, its fingerprint, and when it was baked.
DESCRIBED = ("revoked", "base", "commit", "tree", "packages", "signature", "base-date", "base-name")
_DESCRIPTION = re.compile(r"phoenix((?: [a-z-]+=\S+)+?)(?: base-name=(.+))?")
DAY = len("2026-11-24")


@dataclass(frozen=True, kw_only=True)
class AccountRegion:
    """The account and region that bake."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, region {self.region}"


def parse_account_region(text: str, *, region: str) -> AccountRegion:
    """ACCOUNT or ACCOUNT/REGION; `region` is the own one. Raises ValueError."""
    match = PLACE.fullmatch(text)
    if match is None:
        raise ValueError("neither ACCOUNT nor ACCOUNT/REGION (12 digits, like 123456789012/eu-west-1)")
    return AccountRegion(account=match[1], region=match[2] or region)


def description(tags: Mapping[str, str]) -> str:
    """What an image's tags say, for those who don't see them."""
    said = {key: tags[f"phoenix:{key}"] for key in DESCRIBED if tags.get(f"phoenix:{key}")}
    if "base-date" in said:
        said["base-date"] = said["base-date"][:DAY]
    if "revoked" in said:
        # Only when it was: its reason has blanks. Nothing is launched from it, whoever signed it.
        said["revoked"] = said["revoked"].partition(" ")[0]
        said.pop("signature", None)
    if "signature" in said:
        said.pop("base-name", None)
    return " ".join(["phoenix", *(f"{key}={value}" for key, value in said.items())])[:DESCRIPTION_CHARACTERS]


def parse_description(text: str) -> dict[str, str]:
    """The tags out of a description; empty when it is none of ours."""
    match = _DESCRIPTION.fullmatch(text)
    said = dict(part.split("=", 1) for part in match[1].split()) if match else {}
    if match is None or not {"base", "commit", "tree"} <= said.keys():
        return {}
    said["base-name"] = match[2] or said.get("base", "")
    return {f"phoenix:{key}": said[key] for key in DESCRIBED if key in said}


def list_shared(ec2: EC2Client, place: AccountRegion, *, service: str) -> list[Image]:
    """The images of a service that a place lets us see, the youngest first. `ec2` is a client of its region.

    Each has the tags that it has there, but for the stack's. What does not say what it was made of is left out.
    """
    named = images.name_pattern(service)
    pages = ec2.get_paginator("describe_images").paginate(
        Owners=[place.account],
        Filters=[{"Name": "name", "Values": [f"{service}-*"]}, {"Name": "state", "Values": ["available"]}],
    )
    found = []
    for image in (images.parse_image(one) for page in pages for one in page["Images"]):
        if not named.fullmatch(image.name):
            continue
        tags = dict(image.tags) if image.complete else parse_description(image.description)
        tags.setdefault("phoenix:baked-at", images.named_time(image.name))
        fingerprint = image.name.rsplit("-", 2)[1]
        tags.update({"phoenix:service": service, "phoenix:fingerprint": fingerprint, "phoenix:stack": "unknown"})
        whole = replace(image, tags=tags)
        if whole.complete:
            found.append(whole)
    return images.newest_first(found)


def select(
    there: Sequence[Image],
    place: AccountRegion,
    *,
    service: str,
    fingerprint: str,
    account: str,
    max_age_days: int,
    now: datetime,
) -> Image:
    """The youngest image with a fingerprint, or its first digits. Raises StepError, which says who must do what."""
    fitting = [image for image in there if image.fingerprint.startswith(fingerprint)]
    images.refuse_ambiguous(fingerprint, fitting)
    if fitting and (revoked := images.find_revoked(fitting, fitting[0].fingerprint)):
        raise StepError(
            "PHX-509",
            f"{place} has revoked the fingerprint {shown(revoked.fingerprint)}",
            why=f"{revoked.id}: {revocation.words(revoked)}",
            do=f"change what makes the image, for example by git revert; or take the revocation back there:"
            f" {revocation.undo(revoked, stack='STACK')}",
        )
    if fitting and all(image.distrust for image in fitting):
        raise StepError(
            "PHX-510",
            f"no image of {place} with the fingerprint {shown(fingerprint)} is trusted",
            why="\n".join(f"{image.id}: {image.distrust}" for image in fitting[:5]),
            do="find out who made it; have it baked there with the same imageSigningKey (pulumi up, there)",
        )
    fitting = [image for image in fitting if not image.distrust]
    if not fitting:
        raise _not_seen(there, place, service=service, fingerprint=fingerprint, account=account)
    youngest = fitting[0]
    days = youngest.days(now)
    if max_age_days and days > max_age_days:
        raise StepError(
            "PHX-502",
            f"the youngest image with the fingerprint {shown(fingerprint)} of {place} is too old",
            why=f"{youngest.id} is {days:.0f} days old, maxAgeDays is {max_age_days}",
            do=f"bake it anew there (active: auto flips by age), or pulumi config set image {shown(fingerprint)}"
            " (whatever its age)",
        )
    return youngest


def _not_seen(
    there: Sequence[Image], place: AccountRegion, *, service: str, fingerprint: str, account: str
) -> StepError:
    others = list(dict.fromkeys(f"{shown(image.fingerprint)} (baked {image.baked_at:%Y-%m-%d})" for image in there))[:5]
    seen = (
        f"there are {', '.join(others)}; equal commits of imageDir, baseImage, packerVariables and architecture"
        " have one fingerprint"
        if others
        else "it shows this account none at all"
    )
    share = (
        ""
        if place.account == account
        else f" pulumi config set --path 'imageSharedWith[0]' {account} (for one more, the next number);"
    )
    return StepError(
        "PHX-501",
        f"{place} has no image of the service {service} with the fingerprint {shown(fingerprint)} for account"
        f" {account}",
        why=seen,
        do=f"in the stack that bakes there:{share} pulumi up, and once it serves with this image, pulumi up here",
    )


def check_copyable(ec2: EC2Client, kms: KMSClient, image: Image, place: AccountRegion, *, account: str) -> None:
    """Raises StepError when EC2 would refuse to copy an image that is seen. Clients are of its region."""
    shared = _snapshots(ec2, image)
    hidden = [snapshot for snapshot in image.snapshots if snapshot not in shared]
    if hidden:
        raise StepError(
            "PHX-503",
            f"the snapshots of {image.id} are not shared with account {account}",
            why=f"whoever copies an image reads {', '.join(hidden)}",
            do=f"imageSharedWith in the stack that bakes does it; or, as account {place.account}: aws ec2"
            f" modify-snapshot-attribute --region {place.region} --snapshot-id {hidden[0]} --attribute"
            f" createVolumePermission --operation-type add --user-ids {account}",
        )
    for key in sorted({key for key in shared.values() if key}):
        problem = keys.key_problem(kms, key)
        if problem:
            raise StepError(
                "PHX-504",
                f"account {account} may not use {key}, with which {image.id} is encrypted",
                why=problem,
                do=f"as account {place.account}: add arn:{key.split(':')[1]}:iam::{account}:root to the policy of the"
                f" key, for {', '.join(keys.ACTIONS)} (aws kms put-key-policy --region {place.region} --key-id"
                f" {key.rpartition('/')[2]}; docs/one-image.md has it), and allow the same to whoever deploys here",
            )


def _snapshots(ec2: EC2Client, image: Image) -> dict[str, str]:
    """The snapshots of an image that we may read, each with its key; none when it is not encrypted."""
    if not image.snapshots:
        return {}
    try:
        found = ec2.describe_snapshots(SnapshotIds=list(image.snapshots))["Snapshots"]
    except ClientError as error:
        if aws.error_code(error) != "InvalidSnapshot.NotFound":
            raise
        return {}
    return {one["SnapshotId"]: one.get("KmsKeyId", "") if one.get("Encrypted") else "" for one in found}
