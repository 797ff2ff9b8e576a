"""The images there are: the vendors' public ones with their SSM parameters, and no two of ours with one name."""

from __future__ import annotations

from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ssm.models import Parameter, ParameterDict

from rehearsal.autoscaling.launch import root_gib
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.servers.images import base_images
from rehearsal.state import cloud_state
from rehearsal.state.cloud_state import CloudState


@around(AmiBackend, "_load_amis")
def vendors_images(cloud: CloudState, original: Correction, backend: Any) -> None:
    """Only these, so that nothing leans on an image of moto's whose owner is nobody's."""
    for image in cloud.base_images:
        backend.amis[image.id] = Ami(
            backend,
            image.id,
            name=image.name,
            description=image.name,
            owner_id=image.owner,
            owner_alias=image.owner_alias,
            public=True,
            virtualization_type="hvm",
            architecture=image.architecture,
            creation_date=image.created,
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=image.root_device,
            image_location=f"{image.owner_alias or image.owner}/{image.name}",
            region_name=cloud.region,
            boot_mode="uefi-preferred",
        )
        _size(backend.amis[image.id], base_images.ROOT_GIB)


def _size(image: Ami, gib: int) -> None:
    image.ebs_snapshot.volume.size = gib


def _block_device_mappings(image: Ami) -> list[dict[str, Any]]:
    """moto gives every image 15 GiB; here it has those of its snapshot."""
    devices: list[dict[str, Any]] = _moto_mappings(image)
    if cloud_state.open_state() is not None:
        devices[0]["Ebs"]["VolumeSize"] = root_gib(image)
    return devices


_moto_mappings = Ami.block_device_mappings.fget
Ami.block_device_mappings = property(_block_device_mappings)


@around(ParameterDict, "_check_loading_status")
def vendors_parameters(cloud: CloudState, original: Correction, parameters: Any, key: str) -> None:
    """moto's own parameters under this path name images that do not exist here."""
    for image in cloud.base_images:
        if key == image.parameter and not dict.__contains__(parameters, key):
            dict.__setitem__(parameters, key, [_parameter(cloud, parameters.account_id, image)])
    if not str(key or "").startswith(("/aws/service/ami-amazon-linux-latest", "/aws/service/ecs")):
        original(parameters, key)


def _parameter(cloud: CloudState, account: str, image: base_images.BaseImage) -> Any:
    return Parameter(
        account_id=account,
        name=image.parameter,
        value=image.id,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=utcnow(),
        version=1,
        data_type="aws:ec2:image",
    )


@around(AmiBackend, "create_image")
def one_name_one_image(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    instance_id: str,
    name: str,
    description: str,
    tag_specifications: list[dict[str, Any]],
) -> Any:
    """A name that is taken is refused; the snapshot is encrypted as the disk is, and tagged with the image.

    moto knows none of it.
    """
    for ami in backend.amis.values():
        if ami.name == name and ami.owner_id == backend.account_id:
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {ami.id}")
    instance = backend.get_instance(instance_id)
    if instance.state not in ("running", "stopped"):
        raise EC2ClientError(
            "IncorrectState", f"Instance '{instance_id}' is not in a state from which an image can be created."
        )
    ours = [spec for spec in tag_specifications if spec["ResourceType"] != "snapshot"]
    image = original(backend, instance_id, name, description, ours)
    image.root_device_type = "ebs"
    image.root_device_name = instance.root_device_name
    root = instance.block_device_mapping.get(instance.root_device_name)
    volume = backend.volumes.get(root.volume_id) if root else None
    if volume is not None:
        image.ebs_snapshot.encrypted, image.ebs_snapshot.kms_key_id = volume.encrypted, volume.kms_key_id
        _size(image, volume.size)
    for spec in tag_specifications:
        if spec["ResourceType"] == "snapshot":
            image.ebs_snapshot.add_tags({tag["Key"]: tag["Value"] for tag in spec["Tags"]})
    cloud.create_image(instance_id=instance_id, image_id=image.id, snapshot_id=image.ebs_snapshot.id)
    cloud.journal.record("image", image.id, f"created from {instance_id} as {name}")
    return image


@around(AmiBackend, "describe_images")
def gone_is_gone(
    cloud: CloudState, original: Correction, backend: Any, ami_ids: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """moto answers with nothing for a deregistered image; EC2 answers InvalidAMIID.NotFound, as for one never seen."""
    if ami_ids and (missing := [ami for ami in ami_ids if ami.startswith("ami-") and ami not in backend.amis]):
        listed = ", ".join(missing)
        words = "ids" if len(missing) > 1 else "id"
        verb = "do" if len(missing) > 1 else "does"
        raise EC2ClientError("InvalidAMIID.NotFound", f"The image {words} '[{listed}]' {verb} not exist")
    return original(backend, ami_ids, *args, **kwargs)
