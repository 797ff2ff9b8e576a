"""What one account sees and may do of another's images and snapshots; moto keeps each account to itself.

Sources: EC2 user guide, "Share an AMI with specific AWS accounts"; EBS user guide, "Share an Amazon EBS snapshot";
EC2 API reference, DescribeImages, DescribeSnapshots, ModifyImageAttribute, ModifySnapshotAttribute.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import AmiBackend
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import generic_filter

from rehearsal.cloud.moto_patches import (
    copy_image,  # noqa: F401 - whose correction of DescribeImages is inside this one
    kms_keys,
)
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


def others(backend: Any) -> Iterator[Any]:
    """The same region in the other accounts."""
    for account, regions in list(ec2_backends.items()):
        if account != backend.account_id and (other := regions.get(backend.region_name)):
            yield other


def shared_images(backend: Any) -> list[Any]:
    """As their new viewer sees them: with nobody's tags but his own."""
    return [
        _seen(ami, backend)
        for other in others(backend)
        for ami in other.amis.values()
        if {"UserId": backend.account_id} in ami.launch_permissions
    ]


def _seen(what: Any, backend: Any) -> Any:
    view = copy.copy(what)
    view.ec2_backend = backend
    return view


@around(AmiBackend, "describe_images")
def shared_images_are_seen(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    ami_ids: Any = None,
    filters: Any = None,
    exec_users: Any = None,
    owners: Any = None,
) -> Any:
    foreign = shared_images(backend)
    if ami_ids:
        named = [ami for ami in foreign if ami.id in ami_ids]
        rest = [one for one in ami_ids if one not in {ami.id for ami in named}]
        return named + (original(backend, rest, filters, exec_users, owners) if rest else [])
    if owners:
        foreign = [ami for ami in foreign if ami.owner_id in owners]
    own = original(backend, ami_ids, filters, exec_users, owners)
    return own + (generic_filter(filters, foreign) if filters else foreign)


@around(EBSBackend, "describe_snapshots")
def shared_snapshots_are_seen(
    cloud: CloudState, original: Correction, backend: Any, snapshot_ids: Any = None, filters: Any = None
) -> Any:
    """An id that the caller has no access to is left out; one that nobody has is an error."""
    account = backend.account_id
    foreign = [snapshot for other in others(backend) for snapshot in other.snapshots.values()]
    mine = [one for one in snapshot_ids or [] if one not in {snapshot.id for snapshot in foreign}]
    own = original(backend, mine, filters) if mine or not snapshot_ids else []
    seen = [
        _seen(one, backend)
        for one in foreign
        if account in one.create_volume_permission_userids and (not snapshot_ids or one.id in snapshot_ids)
    ]
    return own + (generic_filter(filters, seen) if filters else seen)


@around(AmiBackend, "modify_image_attribute")
def only_what_is_ones_own(cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any) -> Any:
    ami = backend.amis.get(kwargs["ami_id"])
    if ami is None and any(one.id == kwargs["ami_id"] for one in shared_images(backend)):
        raise EC2ClientError("AuthFailure", f"Not authorized for image:{kwargs['ami_id']}")
    if ami is not None and kwargs["launch_permissions_to_add"]:
        _shareable(ami.ebs_snapshot)
    return original(backend, *args, **kwargs)


@around(AmisResponse, "modify_image_attribute")
def described(cloud: CloudState, original: Correction, response: Any) -> Any:
    """moto forgets a new description, and that an image's servers are to ask the metadata service with tokens alone."""
    answer = original(response)
    for name, kept in (("Description", "description"), ("ImdsSupport", "imds_support")):
        if value := response._get_param(name, {}).get("Value"):
            setattr(response.ec2_backend.amis[response._get_param("ImageId")], kept, value)
    return answer


@around(EBSBackend, "add_create_volume_permission")
def not_with_awss_own_key(
    cloud: CloudState, original: Correction, backend: Any, snapshot_id: str, *args: Any, **kwargs: Any
) -> Any:
    _shareable(backend.get_snapshot(snapshot_id))
    return original(backend, snapshot_id, *args, **kwargs)


def _shareable(snapshot: Any) -> None:
    key = kms_keys.found(snapshot.kms_key_id) if snapshot.kms_key_id else None
    if key is not None and kms_keys.aws_own(key):
        raise EC2ClientError(
            "InvalidParameter",
            "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
        )
