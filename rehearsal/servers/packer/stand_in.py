"""Plays Packer where instances are processes, which no script can be run in.

It takes the command line that steps/image/bake.py uses, and does on the local cloud what the amazon-ebs builder would
do: a build instance from the base, stopped, an image of it with the template's tags, the instance terminated, a
manifest.
The image's scripts are only read: a syntax error in one fails the build, as it would with Packer. No package is
installed, so there is no list of packages either, and the bake says that they are not known.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from rehearsal.servers.packer.access import access
from rehearsal.servers.packer.arguments import Build, BuildError, parsed

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

VERSION = "Packer v1.16.0"
STAND_IN = "This is the rehearsal's stand-in for Packer: instances are processes here, so the scripts are not run."
BUILD = "amazon-ebs.server"
POLL: Any = {"Delay": 0.2, "MaxAttempts": 300}
# As the template has it.
BURSTABLE = re.compile(r"t(2|3|3a|4g)\.")


class Interrupted(BaseException):
    """SIGINT or SIGTERM: what was made is taken away."""


def say(text: str) -> None:
    print(f"==> {BUILD}: {text}", flush=True)


def build(ask: Build) -> str:
    """Makes the image and returns its id. Whatever happens, no build instance stays."""
    ec2 = _client(ask)
    say(STAND_IN)
    if ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [ask["ami_name"]]}])["Images"]:
        raise BuildError(f"AMI Name: {ask['ami_name']!r} is used by an existing AMI")
    with access(ec2, ask.variables, _tags(ask)) as door:
        return _built(ec2, ask, door)


def _built(ec2: EC2Client, ask: Build, door: Mapping[str, Any]) -> str:
    instance = _launch(ec2, ask, door)
    image = ""
    try:
        _read_scripts(ask)
        say(f"Stopping the source instance {instance}")
        ec2.stop_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=POLL)
        say(f"Creating AMI {ask['ami_name']} from instance {instance}")
        # As current plugins do it: the image has its tags from the first moment.
        tags: Any = [{"ResourceType": kind, "Tags": _tags(ask)} for kind in ("image", "snapshot")]
        image = ec2.create_image(InstanceId=instance, Name=ask["ami_name"], TagSpecifications=tags)["ImageId"]
        _wait_for(ec2, image)
        say(f"Modifying attributes on AMI ({image})...")
        ec2.modify_image_attribute(ImageId=image, ImdsSupport={"Value": "v2.0"})
        _tag(ec2, ask, image)
        _write_manifest(ask, image)
    except BaseException:
        if image:
            say(f"Deregistering {image}: the build did not end well")
            ec2.deregister_image(ImageId=image)
        raise
    finally:
        say("Terminating the source AWS instance...")
        _terminate(ec2, instance)
    return image


def _terminate(ec2: EC2Client, instance: str) -> None:
    """Its key and security group can go only when it is gone."""
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=POLL)


def _wait_for(ec2: EC2Client, image: str) -> None:
    """Packer too goes on while AWS does not show an image that it has just made.

    Source: hashicorp/packer-plugin-amazon, builder/common/state.go (AMIStateRefreshFunc).
    """
    waiter = ec2.get_waiter("image_available")
    for _ in range(POLL["MaxAttempts"]):
        try:
            waiter.wait(ImageIds=[image], WaiterConfig=POLL)
            return
        except WaiterError as error:
            if error.last_response.get("Error", {}).get("Code") != "InvalidAMIID.NotFound":
                raise
            time.sleep(POLL["Delay"])
    raise BuildError(f"AWS never showed {image}")


def _client(ask: Build) -> EC2Client:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EC2") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise BuildError("no AWS_ENDPOINT_URL: a stand-in has no business in AWS itself")
    return boto3.Session(region_name=ask["region"]).client("ec2", endpoint_url=endpoint)


def _launch(ec2: EC2Client, ask: Build, door: Mapping[str, Any]) -> str:
    tags: Any = _tags(ask)
    settings: dict[str, Any] = {**door}
    if ask["session_manager_profile"]:
        settings["IamInstanceProfile"] = {"Name": ask["session_manager_profile"]}
    if BURSTABLE.match(ask["instance_type"]):
        settings["CreditSpecification"] = {"CpuCredits": "unlimited"}
    root = {
        "VolumeSize": ask["root_gib"],
        "VolumeType": "gp3",
        "Encrypted": ask["encrypted"],
        "DeleteOnTermination": True,
        **({"KmsKeyId": ask["kms_key_id"]} if ask["kms_key_id"] else {}),
    }
    started = ec2.run_instances(
        ImageId=ask["source_ami"],
        InstanceType=ask["instance_type"],
        MinCount=1,
        MaxCount=1,
        InstanceInitiatedShutdownBehavior="terminate",
        MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1},
        BlockDeviceMappings=[{"DeviceName": ask["root_device"], "Ebs": root}],  # type: ignore[typeddict-item]
        TagSpecifications=[
            {"ResourceType": kind, "Tags": tags} for kind in ("instance", "network-interface", "volume")
        ],
        **settings,
    )
    instance = started["Instances"][0]["InstanceId"]
    say(f"Launched the source AWS instance {instance} from {ask['source_ami']}")
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=POLL)
    except BaseException:
        _terminate(ec2, instance)
        raise
    return str(instance)


def _read_scripts(ask: Build) -> None:
    """Names the scripts in the order in which Packer would run them."""
    folder = Path(ask["image_dir"] or ask.folder)
    provision = sorted((folder / "provision").glob("*.sh"))
    sealing = [script for script in provision if script.name.startswith("9")]
    ordered = [script for script in provision if script not in sealing]
    checks = sorted((folder / "inspect").glob("*.sh"))
    own = sorted((folder / "app").glob("*.sh"))
    for script in (*ordered, *own, *checks, *folder.glob("packages.sh"), *sealing):
        checked = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            raise BuildError(f"{checked.stderr.strip()}\nScript exited with non-zero exit status: {checked.returncode}")
        say(f"Read and not run: {script.parent.name}/{script.name}")


def _tag(ec2: EC2Client, ask: Build, image: str) -> None:
    described = ec2.describe_images(ImageIds=[image])["Images"][0]
    devices = described.get("BlockDeviceMappings", [])
    snapshots = [device.get("Ebs", {}).get("SnapshotId", "") for device in devices]
    tags: Any = _tags(ask)
    say("Creating AMI tags and snapshot tags")
    ec2.create_tags(Resources=[image, *(snapshot for snapshot in snapshots if snapshot)], Tags=tags)


def _tags(ask: Build) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(ask["tags"].items())]


def _write_manifest(ask: Build, image: str) -> None:
    made = {"name": "server", "builder_type": "amazon-ebs", "artifact_id": f"{ask['region']}:{image}"}
    Path(ask["manifest"]).write_text(json.dumps({"builds": [made]}, indent=2), encoding="utf-8")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def main(arguments: Sequence[str]) -> int:
    command = arguments[0] if arguments else ""
    if command == "version":
        print(f"{VERSION}\n{STAND_IN}")
        return 0
    if command == "init":
        print(f"{STAND_IN} There are no plugins to install.")
        return 0
    if command != "build":
        print(f"{STAND_IN} It knows version, init and build, not {command!r}.", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        image = build(parsed(arguments[1:]))
    except (BuildError, BotoCoreError, ClientError, OSError, ValueError) as error:
        print(f"Build '{BUILD}' errored: {error}", file=sys.stderr, flush=True)
        return 1
    except Interrupted:
        print("Build was cancelled.", file=sys.stderr, flush=True)
        return 1
    say(f"AMIs were created: {os.environ.get('AWS_REGION', '')} {image}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
