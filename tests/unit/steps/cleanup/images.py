"""A moto account with the images of a stack."""

from __future__ import annotations

import io
from typing import Any, cast

import boto3

from core import images, package_store
from core.aws import Aws
from core.progress import Progress
from steps.cleanup import prune
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.unit.steps.cloud import FakeClock

ACCOUNT, REGION, STACK, SERVICE = "123456789012", "eu-west-1", "phoenix/dev", "phoenix"


class Account:
    """A moto account with images as bakes make them; `clock` is days ahead, so that all of it is old."""

    def __init__(self, session: boto3.Session) -> None:
        self.aws = Aws(session)
        self.ec2 = self.aws.ec2
        self.clock = FakeClock()
        self.clock.passed = 2 * 86400.0
        self.told = io.StringIO()
        self.base = self.ec2.describe_images(Owners=["137112412989"])["Images"][0]["ImageId"]
        self.serial = 0

    def tags(self, **changed: str) -> list[Any]:
        values = {
            "service": SERVICE,
            "stack": STACK,
            "fingerprint": "5" * 64,
            "base": self.base,
            "base_name": "base",
            "commit": "none",
            "tree": "dirty",
            "baked_at": "2026-01-01T00:00:00Z",
        }
        return [{"Key": key, "Value": value} for key, value in images.tags(**{**values, **changed}).items()]

    def instance(self, tags: list[Any], image: str = "") -> str:
        started = self.ec2.run_instances(
            ImageId=image or self.base,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}] if tags else [],
        )
        return started["Instances"][0]["InstanceId"]

    def bake(self, name: str = "", tags: list[Any] | None = None) -> tuple[str, str]:
        """An image and its snapshot."""
        self.serial += 1
        builder = self.instance([])
        made = self.ec2.create_image(
            InstanceId=builder, Name=name or f"{SERVICE}-{'5' * 64}-2026010100{self.serial:04d}"
        )["ImageId"]
        self.ec2.terminate_instances(InstanceIds=[builder])
        snapshot = self.snapshot(made)
        chosen = self.tags() if tags is None else tags
        if chosen:
            self.ec2.create_tags(Resources=[made, snapshot], Tags=chosen)
        return made, snapshot

    def snapshot(self, ami: str) -> str:
        return self.ec2.describe_images(ImageIds=[ami])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    def images(self) -> set[str]:
        return {one["ImageId"] for one in self.ec2.describe_images(Owners=["self"])["Images"]}

    def snapshots(self) -> set[str]:
        return {one["SnapshotId"] for one in self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}

    def list_packages(self, image: str, service: str = SERVICE) -> None:
        package_store.store(self.aws.ssm, self.ec2, "openssl 3.0.14\n", service=service, image=image)

    def listed(self, service: str = SERVICE) -> set[str]:
        return set(package_store.stored(self.aws.ssm, service=service))

    def prune(self, keep: int = 1, orphans: tuple[str, ...] = ()) -> dict[str, Any]:
        given = prune.Options(
            stack=STACK, account=ACCOUNT, region=REGION, service=SERVICE, image_keep=keep, orphans=orphans
        )
        return cast(dict[str, Any], prune.prune(given, self.context()))

    def context(self) -> Context:
        return Context(
            aws=self.aws, clock=self.clock, progress=Progress(self.clock, stream=self.told), interrupts=Interrupts()
        )
