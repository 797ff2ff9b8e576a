"""Shares the images of a stack that have served with other accounts, and with no others.

Which these are: --image, and every image that the stack shared before (the tag `phoenix:shared-by` names it). An
image's description says what its tags do, which AWS hides from other accounts; launch permission comes last, so that
whoever sees an image can copy it. Permissions of organizations are left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from core import aws, image_sharing, images
from core.errors import StepError, coded_warning
from core.images import Image
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

TAG = images.SHARED_BY
# What AWS answers about an account that there is not: of an image, of a snapshot (EC2 API reference, "Error codes").
UNKNOWN_ACCOUNT = {"InvalidAMIAttributeItemValue", "InvalidUserID.Malformed"}


def _accounts(text: str) -> tuple[str, ...]:
    accounts = parsers.json_names(text)
    if not all(len(account) == 12 and account.isdigit() for account in accounts):
        raise ValueError('not a JSON list of accounts (["123456789012"])')
    return accounts


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    image: str = option("ami-... that serves", parse=parsers.non_empty)
    shared_with: tuple[str, ...] = option("JSON list of accounts; [] takes every image back", parse=_accounts)


def share(options: Options, context: Context) -> dict[str, object]:
    ec2 = context.aws.ec2
    shared = []
    for image in images.of_service(ec2, options.service):
        wanted = image.id == options.image or image.tags.get(TAG) == options.stack
        if wanted and image.complete and image.state == "available":
            try:
                sync_permissions(ec2, image, options.shared_with, stack=options.stack)
            except ClientError as error:
                if aws.error_code(error) in UNKNOWN_ACCOUNT:
                    raise StepError(
                        "PHX-551",
                        f"imageSharedWith names an account that AWS does not know: {', '.join(options.shared_with)}",
                        why=aws.error_reason(error),
                        do="correct imageSharedWith in the stack's file, then pulumi up",
                    ) from error
                # An image from before imageKmsKey was set; what serves is not to fail for it.
                if not _unshareable(error):
                    raise
                context.progress.line(
                    coded_warning(
                        "PHX-552",
                        f"{image.id} can't be shared: {aws.error_reason(error)} The next image that is baked can be, if"
                        " imageKmsKey names a key or none",
                    )
                )
                continue
            whom = ", ".join(options.shared_with) or "nobody"
            context.progress.line(f"{image.id} ({image.name}) is shared with {whom}")
            shared.append(image.id)
    return {"images": sorted(shared), "sharedWith": list(options.shared_with)}


def sync_permissions(ec2: EC2Client, image: Image, accounts: Sequence[str], *, stack: str) -> None:
    """Makes the permissions of an image and its snapshots those of `accounts`. Raises ClientError."""
    if accounts:
        ec2.create_tags(Resources=[image.id], Tags=[{"Key": TAG, "Value": stack}])
        words = image_sharing.description(image.tags)
        if image.description != words:
            ec2.modify_image_attribute(ImageId=image.id, Description={"Value": words})
        for snapshot in image.snapshots:
            _snapshot(ec2, snapshot, accounts)
        _launch(ec2, image, accounts)
    else:
        _launch(ec2, image, ())
        for snapshot in image.snapshots:
            _snapshot(ec2, snapshot, ())
        ec2.delete_tags(Resources=[image.id], Tags=[{"Key": TAG}])


def _snapshot(ec2: EC2Client, snapshot: str, accounts: Sequence[str]) -> None:
    attribute = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    for how, users in _changes(attribute.get("CreateVolumePermissions", []), accounts).items():
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission", OperationType=how, UserIds=users
        )


def _launch(ec2: EC2Client, image: Image, accounts: Sequence[str]) -> None:
    attribute = ec2.describe_image_attribute(ImageId=image.id, Attribute="launchPermission")
    for how, users in _changes(attribute.get("LaunchPermissions", []), accounts).items():
        ec2.modify_image_attribute(ImageId=image.id, Attribute="launchPermission", OperationType=how, UserIds=users)


def _changes(now: Sequence[Any], wanted: Sequence[str]) -> dict[Any, list[str]]:
    """Which accounts are to be added and removed; without those of which there are none."""
    have = {one["UserId"] for one in now if one.get("UserId")}
    changes = {"add": sorted(set(wanted) - have), "remove": sorted(have - set(wanted))}
    return {how: users for how, users in changes.items() if users}


def _unshareable(error: ClientError) -> bool:
    """Encrypted with AWS's own key (EBS user guide, "Share an Amazon EBS snapshot": no account can share that)."""
    message = str(error).lower()
    return aws.error_code(error) not in aws.DENIED | aws.EXPIRED and "encrypted" in message and "shared" in message


if __name__ == "__main__":
    sys.exit(command.run_step("share", __doc__, Options, share))
