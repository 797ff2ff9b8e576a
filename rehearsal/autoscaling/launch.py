"""One instance of a group, from the template version the group is pinned to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES

from rehearsal.autoscaling.machine_types import next_is_spot, no_room, types_of
from rehearsal.state.cloud_state import CloudState


@dataclass(frozen=True)
class Placement:
    subnet: str | None
    zone: str


class LaunchFailed(Exception):  # noqa: N818 - an event of AWS's, not a defect of ours
    """The message is EC2's reason. `elsewhere`: another Availability Zone may do."""

    def __init__(self, reason: str, *, elsewhere: bool = False) -> None:
        super().__init__(reason)
        self.other_zone_may_work = elsewhere


def root_gib(image: Any) -> int:
    """GiB of an image's root volume."""
    return int(image.ebs_snapshot.volume.size)


def volume_problem(image: Any, devices: Iterable[Mapping[str, Any]]) -> str | None:
    """Why EC2 launches nothing from an image with such disks, in its words (scylladb/scylladb, issue 6999); or None."""
    for device in devices:
        gib = (device.get("Ebs") or {}).get("VolumeSize")
        if device.get("DeviceName") == image.root_device_name and gib and int(gib) < root_gib(image):
            return (
                f"Volume of size {gib}GB is smaller than snapshot '{image.ebs_snapshot.id}', expect size >="
                f" {root_gib(image)}GB"
            )
    return None


def template_problem(group: Any) -> str | None:
    """Why nothing can be launched from the group's template, as EC2 says it; None when it can."""
    template = group.ec2_launch_template
    ec2 = group.ec2_backend
    if template.id not in ec2.launch_templates:
        return f"The specified launch template, with template ID {template.id}, does not exist."
    data = template.get_version(group.launch_template_version).data
    image = ec2.amis.get(data.get("ImageId", ""))
    if image is None:
        return f"The image id '[{data.get('ImageId', '')}]' does not exist"
    for name in types_of(group, data):
        if problem := _type_problem(name, image):
            return problem
    if problem := volume_problem(image, data.get("BlockDeviceMappings") or []):
        return f"InvalidBlockDeviceMapping - {problem}"
    for security_group in security_group_ids(data):
        if ec2.get_security_group_from_id(security_group) is None:
            return f"The security group '{security_group}' does not exist"
    if data.get("KeyName") and data["KeyName"] not in ec2.key_pairs:
        return f"The key pair '{data['KeyName']}' does not exist"
    return None


def _type_problem(name: str, image: Any) -> str | None:
    kind = INSTANCE_TYPES.get(name)
    if kind is None:
        return f"Invalid value '{name}' for InstanceType."
    if image.architecture not in kind["ProcessorInfo"]["SupportedArchitectures"]:
        supported = kind["ProcessorInfo"]["SupportedArchitectures"][-1]
        return (
            f"The architecture '{supported}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again."
        )
    return None


def security_group_ids(data: dict[str, Any]) -> list[str]:
    interface: dict[str, Any] = next(iter(data.get("NetworkInterfaces") or []), {})
    return list(data.get("SecurityGroupIds") or interface.get("Groups") or [])


def launch(state: CloudState, group: Any, place: Placement) -> Any:
    """A new pending instance (moto's). Raises LaunchFailed with EC2's reason."""
    if state.launch_fault and (not state.faulty_zones or place.zone in state.faulty_zones):
        raise LaunchFailed(state.launch_fault, elsewhere=bool(state.faulty_zones))
    if problem := template_problem(group):
        raise LaunchFailed(problem)
    version = group.ec2_launch_template.get_version(group.launch_template_version)
    types, spot = types_of(group, version.data), next_is_spot(group, staying(group))
    there = [name for name in types if name not in state.refused_types]
    if not there:
        raise LaunchFailed(no_room(types=types, zone=place.zone, spot=spot), elsewhere=True)
    try:
        return _run(group, version, place, instance_type=there[0], spot=spot)
    except EC2ClientError as error:
        raise LaunchFailed(error.message) from error


def staying(group: Any) -> list[Any]:
    """The group's instances that are not on their way out."""
    return [one for one in group.instance_states if not one.lifecycle_state.startswith("Terminating")]


def _run(group: Any, version: Any, place: Placement, *, instance_type: str, spot: bool) -> Any:
    ec2, data = group.ec2_backend, version.data
    settings: dict[str, Any] = {"lifecycle": "spot"} if spot else {}
    if data.get("BlockDeviceMappings"):
        settings["block_device_mappings"] = [_with_defaults(device) for device in data["BlockDeviceMappings"]]
    interface: dict[str, Any] = next(iter(data.get("NetworkInterfaces") or []), {})
    reservation = ec2.run_instances(
        version.image_id,
        1,
        version.user_data,
        data.get("SecurityGroups", []),
        security_group_ids=security_group_ids(data),
        instance_type=instance_type,
        is_instance_type_default=False,
        tags={
            "instance": {**group.get_propagated_tags(), "aws:autoscaling:groupName": group.name},
            "volume": _tags(data, "volume"),
        },
        placement=place.zone,
        launch_template={"LaunchTemplateId": version.template.id, "Version": version.number},
        associate_public_ip=interface.get("AssociatePublicIpAddress"),
        subnet_id=place.subnet,
        key_name=data.get("KeyName"),
        metadata_options=data.get("MetadataOptions") or {},
        region_name=group.region,
        **settings,
    )
    instance = reservation.instances[0]
    if profile := data.get("IamInstanceProfile"):
        _give_profile(ec2, instance, profile)
    return instance


def _give_profile(ec2: Any, instance: Any, profile: dict[str, str]) -> None:
    try:
        ec2.associate_iam_instance_profile(
            instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )
    except EC2ClientError as error:
        instance.terminate()
        name = profile.get("Name") or profile.get("Arn")
        raise LaunchFailed(f"Invalid IAM Instance Profile name: {name}") from error


def placements(group: Any) -> list[Placement]:
    """Where to launch, best first: the subnet with the fewest of the group's instances, the first named of equals.

    The others are for when there is no room in that zone ("Availability Zone distribution", EC2 Auto Scaling guide).
    """
    if not group.vpc_zone_identifier:
        return [Placement(None, zone) for zone in group.availability_zones]
    living = [member.instance for member in staying(group)]
    inhabitants = Counter(instance.subnet_id for instance in living)
    subnets = sorted(group.vpc_zone_identifier.split(","), key=lambda subnet: inhabitants[subnet])
    return [Placement(subnet, group.ec2_backend.get_subnet(subnet).availability_zone) for subnet in subnets]


def _with_defaults(device: dict[str, Any]) -> dict[str, Any]:
    """A group's disks are deleted with their instance unless the template says otherwise."""
    if "Ebs" not in device:
        return {**device, "Ebs": {"DeleteOnTermination": True}}
    return {**device, "Ebs": {"DeleteOnTermination": True, **device["Ebs"]}}


def _tags(data: dict[str, Any], resource_type: str) -> dict[str, str]:
    return {
        tag["Key"]: tag["Value"]
        for spec in data.get("TagSpecifications") or []
        if spec.get("ResourceType") == resource_type
        for tag in spec.get("Tags") or []
    }
