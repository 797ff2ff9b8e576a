"""Two accounts and two regions of the local cloud: dev bakes and shares, prod takes."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from core import images as steps_images
from core import kms
from core.aws import Aws
from core.errors import StepError
from core.progress import Progress, RealClock
from core.times import iso
from plan import image_origin
from plan.image_source import ImageSource
from plan.readers.live_state import Account
from plan.readers.reads import Reads
from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.images import base_images
from steps.image import copy, share
from steps.runtime import options
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.rehearsal.boto3_stack import until
from tests.rehearsal.steps.baking import ended_well, environment, run
from tests.support.factories import NOW, settings

DEV, DEV_REGION, DEV_KEY = "111111111111", "eu-central-1", "AKIADEV"
FROM = f"{DEV}/{DEV_REGION}"


class Hasty(RealClock):
    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.2))


class World:
    """The cloud as both accounts see it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        cloud.calls.accounts[DEV_KEY] = DEV
        # A session is slow to make: it reads the models of the services.
        self._sessions = {
            dev: boto3.Session(
                aws_access_key_id=DEV_KEY if dev else cloud.access_key,
                aws_secret_access_key="secret",
                region_name=DEV_REGION if dev else cloud.region,
            )
            for dev in (True, False)
        }

    def session(self, *, dev: bool) -> boto3.Session:
        return self._sessions[dev]

    def client(self, service: str, *, dev: bool) -> Any:
        create: Any = self.session(dev=dev).client
        return create(service, endpoint_url=self.cloud.endpoint)

    def dev(self, name: str, **given: str) -> subprocess.CompletedProcess[str]:
        return run(self.cloud, name, {"account": DEV, "region": DEV_REGION, **given}, AWS_ACCESS_KEY_ID=DEV_KEY)

    def bake(self, asked: Mapping[str, str]) -> str:
        """By dev's step, and Packer."""
        done = ended_well(self.dev("bake", **asked, kms_key=kms.NONE))
        assert done["baked"] is True
        return str(done["image"])

    def baked(self, fingerprint: str, *, key: str = kms.NONE) -> str:
        """An image as that leaves one, without waiting for Packer."""
        ec2, base, baked = self.client("ec2", dev=True), base_images.IMAGES[0], datetime.now(UTC)
        disk = {"VolumeSize": 8, "Encrypted": key != kms.NONE, **({"KmsKeyId": key} if key.startswith("arn:") else {})}
        instance = ec2.run_instances(
            ImageId=base.id, MinCount=1, MaxCount=1, BlockDeviceMappings=[{"DeviceName": base.root_device, "Ebs": disk}]
        )["Instances"][0]["InstanceId"]
        until(
            lambda: (
                ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]
                == "running"
            ),
            what="a machine to make an image of",
        )
        tags = steps_images.tags(
            service="phoenix",
            stack="phoenix/dev",
            fingerprint=fingerprint,
            base=base.id,
            base_name=base.name,
            commit="c" * 40,
            tree="clean",
            baked_at=iso(baked),
            kms_key=key,
        )
        made: str = ec2.create_image(
            InstanceId=instance,
            Name=steps_images.name("phoenix", fingerprint, baked),
            TagSpecifications=[
                {"ResourceType": kind, "Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}
                for kind in ("image", "snapshot")
            ],
        )["ImageId"]
        ec2.terminate_instances(InstanceIds=[instance])
        return made

    def share(self, image: str, *accounts: str, stack: str = "phoenix/dev") -> subprocess.CompletedProcess[str]:
        where = {"stack": stack, "account": DEV, "region": DEV_REGION}
        return self.here(share, share.share, {**where, "image": image, "shared_with": json.dumps(accounts)}, dev=True)

    def prod(self, fingerprint: str, **given: str) -> subprocess.CompletedProcess[str]:
        wanted = {"stack": "phoenix/prod", "fingerprint": fingerprint, "image_from": FROM}
        return self.here(copy, copy.copy, {**wanted, **given}, dev=False)

    def here(self, step: Any, act: Any, given: dict[str, str], *, dev: bool) -> subprocess.CompletedProcess[str]:
        """A step in this process, with its options from an environment; what it prints."""
        told, clock = io.StringIO(), Hasty()
        context = Context(
            aws=Aws(self.session(dev=dev)), clock=clock, progress=Progress(clock, stream=told), interrupts=Interrupts()
        )
        try:
            read = options.read_options(
                step.Options, step="", about="", arguments=[], environment=environment(self.cloud, given)
            )
            result = act(read, context)
        except StepError as error:
            return subprocess.CompletedProcess([], 1, "", f"{told.getvalue()}{error}")
        return subprocess.CompletedProcess([], 0, json.dumps(result), told.getvalue())

    def image(self, ami: str, *, dev: bool = False) -> dict[str, Any]:
        """With its tags and its snapshot."""
        ec2 = self.client("ec2", dev=dev)
        [found] = ec2.describe_images(ImageIds=[ami])["Images"]
        snapshot = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        [disk] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
        return {**found, "tags": plain(found), "snapshot": {**disk, "tags": plain(disk)}}

    def key(self, *, dev: bool, users: tuple[str, ...] = ()) -> str:
        arn: str = self.client("kms", dev=dev).create_key(Policy=policy(DEV if dev else self.cloud.account, *users))[
            "KeyMetadata"
        ]["Arn"]
        return arn

    def copies(self) -> int:
        return [call.name for call in self.cloud.calls.seen].count("ec2:CopyImage")

    def planned(self, fingerprint: str, **said: Any) -> ImageSource:
        """What prod's rollout plan is told."""
        chosen = settings(**{"image_from": FROM, **said})
        found = ImageSource(fingerprint, "baked from scratch", needs_bake=True)
        return image_origin.resolve_missing_image(
            Reads(self.session(dev=False)), chosen, found, Account(self.cloud.account, self.cloud.region), now=NOW
        )


def told(found: ImageSource) -> str:
    """Why nobody can be launched from it."""
    return "\n".join(map(str, found.problems))


def plain(what: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in what.get("Tags", [])}


def policy(*accounts: str) -> str:
    who = [f"arn:aws:iam::{account}:root" for account in accounts]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "kms:*", "Resource": "*"}],
        }
    )


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert done.returncode == 1 and done.stdout == "", done.stderr
    for text in says:
        assert text in done.stderr, done.stderr
