"""CopyImage: it takes a while, it is refused what was not shared, it encrypts, and it tags.

moto copies within an account only, at once, whatever the permissions, and keeps neither key nor tags. Sources: EC2 API
reference, CopyImage; EC2 user guide, "Copy an Amazon EC2 AMI".
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from rehearsal.cloud.moto_patches import (
    images,  # noqa: F401 - whose correction of DescribeImages is inside this one
    kms_keys,
)
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

# Of AWS's seconds. It takes longer there; nobody wants to wait for that here.
COPY_SECONDS = 60.0


class Copying(Snapshot):  # type: ignore[misc]
    """A snapshot that reports its progress."""

    began: float
    takes: float
    cloud: CloudState

    @property
    def progress(self) -> str:
        return f"{min(100, int(100 * (self.cloud.now() - self.began) / self.takes))}%"


@around(AmisResponse, "copy_image")
def copy_image(cloud: CloudState, original: Correction, response: Any) -> Any:
    response.error_on_dryrun()
    backend, name = response.ec2_backend, response._get_param("Name")
    source = _source(backend, response._get_param("SourceImageId"), response._get_param("SourceRegion"))
    for ami in backend.amis.values():
        if ami.name == name and ami.owner_id == backend.account_id:
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {ami.id}")
    made = Ami(
        backend,
        random_ami_id(),
        source_ami=source,
        name=name,
        description=response._get_param("Description"),
        root_device_type=source.root_device_type,
        root_device_name=source.root_device_name,
        boot_mode=source.boot_mode,
    )
    made.source_image_id, made.source_image_region = source.id, source.ec2_backend.region_name
    key = response._get_param("KmsKeyId")
    if response._get_param("Encrypted") in (True, "true") or key:
        key = key or backend._create_default_encryption_key()
    elif source.ebs_snapshot.encrypted:
        key = source.ebs_snapshot.kms_key_id
    snapshot = made.ebs_snapshot
    snapshot.volume.size = source.ebs_snapshot.volume.size
    snapshot.encrypted, snapshot.kms_key_id = bool(key), key
    for spec in response._get_param("TagSpecifications", []):
        tagged = made if spec["ResourceType"] == "image" else snapshot
        tagged.add_tags({tag["Key"]: tag["Value"] for tag in spec["Tags"]})
    made.state, made.ready_at = "pending", cloud.now() + cloud.scaled(COPY_SECONDS)
    made.fails_for = _fault(backend, source, key)
    snapshot.__class__ = Copying
    snapshot.cloud, snapshot.began, snapshot.takes = cloud, cloud.now(), cloud.scaled(COPY_SECONDS)
    backend.amis[made.id] = made
    cloud.copy_image(source_id=source.id, image_id=made.id, snapshot_id=snapshot.id)
    cloud.journal.record("image", made.id, f"copied from {source.id} of account {source.owner_id}")
    return ActionResult({"ImageId": made.id})


def _source(backend: Any, image: str, region: str) -> Any:
    """The image with all its own records, if the caller may copy it."""
    ec2_backends[backend.account_id][region].describe_images(ami_ids=[image])
    found = next(
        one.amis[image] for account in ec2_backends.values() if (one := account.get(region)) and image in one.amis
    )
    permitted = found.ebs_snapshot.create_volume_permission_userids
    if found.owner_id != backend.account_id and not found.is_public and backend.account_id not in permitted:
        raise EC2ClientError("InvalidRequest", "You do not have permission to access the storage of this ami")
    return found


def _fault(backend: Any, source: Any, key: str | None) -> str:
    """Why the copy will fail: keys are looked at late."""
    theirs = source.ebs_snapshot.kms_key_id
    if theirs and not ((one := kms_keys.found(theirs)) and kms_keys.allows(one, backend.account_id)):
        return f"The key {theirs} can't be used"
    if key and ((one := kms_keys.found(key)) is None or not kms_keys.allows(one, backend.account_id)):
        return f"The key {key} can't be used"
    return ""


@around(AmiBackend, "describe_images")
def complete_after_delay(cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any) -> Any:
    for ami in backend.amis.values():
        if ami.state == "pending" and cloud.now() >= getattr(ami, "ready_at", float("inf")):
            ami.state = "failed" if ami.fails_for else "available"
            if ami.fails_for:
                ami.state_reason = {"Code": "Client.InvalidKMSKey", "Message": ami.fails_for}
    return original(backend, *args, **kwargs)
