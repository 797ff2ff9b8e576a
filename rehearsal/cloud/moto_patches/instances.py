"""Instances: pending until they have booted, with a console of their own, and leaving nothing behind when they end."""

from __future__ import annotations

from typing import Any

from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState
from moto.ec2.responses.general import General

from rehearsal.autoscaling.launch import volume_problem
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(Instance, "__init__")
def boots_first(cloud: CloudState, original: Correction, instance: Any, *args: Any, **kwargs: Any) -> None:
    original(instance, *args, **kwargs)
    instance._state = InstanceState("pending", 0)
    instance.boots_at = cloud.now() + cloud.scaled(cloud.boot_seconds)


@around(Instance, "start")
def boots_again(cloud: CloudState, original: Correction, instance: Any) -> Any:
    previous = original(instance)
    instance._state = InstanceState("pending", 0)
    instance.boots_at = cloud.now() + cloud.scaled(cloud.boot_seconds)
    return previous


@around(Instance, "stop")
def shuts_down_first(cloud: CloudState, original: Correction, instance: Any) -> Any:
    """Stopped is what it is when its machine is down; the reconciler sees to that."""
    if instance.state == "stopped":
        return InstanceState("stopped", 80)
    previous = original(instance)
    instance._state = InstanceState("stopping", 64)
    return previous


@around(Instance, "terminate")
def takes_its_interface_along(cloud: CloudState, original: Correction, instance: Any) -> Any:
    """EC2 deletes the interface that a launch made; moto keeps it, and with it the security group "in use"."""
    if instance.state == "terminated":
        return InstanceState("terminated", 48)
    previous = original(instance)
    for nic in list(instance.nics.values()):
        instance.ec2_backend.enis.pop(nic.id, None)
    return previous


@around(InstanceBackend, "run_instances")
def image_exists(
    cloud: CloudState, original: Correction, backend: Any, image_id: str, *args: Any, **kwargs: Any
) -> Any:
    """The image is there, and the disks have room for it."""
    if image_id:
        [image] = backend.describe_images(ami_ids=[image_id])
        if problem := volume_problem(image, kwargs.get("block_device_mappings") or []):
            raise EC2ClientError("InvalidBlockDeviceMapping", problem)
    return original(backend, image_id, *args, **kwargs)


@around(General, "get_console_output")
def console(cloud: CloudState, original: Correction, response: Any) -> Any:
    """The machine's real output, at most the last 64 KB as EC2 keeps it; moto's answer is a boot log of 2006."""
    answer = original(response)
    tail = cloud.read_console(response._get_param("InstanceId"))[-65536:]
    return type(answer)(
        {
            "InstanceId": response._get_param("InstanceId"),
            "Timestamp": utcnow(),
            "Output": Base64EncodedString.from_raw_string(tail),
        }
    )


@around(InstanceBackend, "get_instance_by_id")
def found_quickly(cloud: CloudState, original: Correction, backend: Any, instance_id: str) -> Any:
    """moto copies every reservation for each instance that is asked for: a group of a thousand takes it minutes."""
    return next(
        (
            instance
            for reservation in list(backend.reservations.values())
            for instance in reservation.instances
            if instance.id == instance_id
        ),
        None,
    )


@around(InstanceBackend, "get_instance")
def found_quickly_or_refused(cloud: CloudState, original: Correction, backend: Any, instance_id: str) -> Any:
    return backend.get_instance_by_id(instance_id) or original(backend, instance_id)
