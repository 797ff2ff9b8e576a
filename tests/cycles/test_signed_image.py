"""Births and flips of a stack that launches from nothing that its key did not sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.names import other_color
from core.provenance import SIGNATURE
from rehearsal.cloud.calls import OBSERVER_KEY
from tests.cycles.stack import CALM, Stack, until
from tests.support import iam


def planted(stack: Stack, original: dict[str, Any]) -> str:
    """A changed server of the live image, as an image with the same tags: the youngest of its fingerprint."""
    ec2 = stack.cloud.client("ec2")
    instance = ec2.run_instances(ImageId=original["ImageId"], MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

    def state() -> str:
        [found] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        return str(found["State"]["Name"])

    until(lambda: state() == "running", what="a machine to change")
    made: str = ec2.create_image(InstanceId=instance, Name="planted")["ImageId"]
    ec2.create_tags(Resources=[made], Tags=original["Tags"])
    ec2.terminate_instances(InstanceIds=[instance])
    return made


def live_image(stack: Stack) -> dict[str, Any]:
    outputs: Any = stack.engine.outputs()["live"]
    [found] = stack.cloud.client("ec2").describe_images(ImageIds=[outputs["image"]])["Images"]
    return dict(found)


@pytest.mark.thorough
def test_a_signed_image_is_reused_and_a_forged_one_is_not_launched(tmp_path: Path) -> None:
    with Stack(tmp_path, stand_in=True) as stack:
        key = stack.cloud.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"][
            "Arn"
        ]
        stack.set(**CALM, imageSigningKey=key)
        born = stack.up()
        first = live_image(stack)
        assert f"{first['ImageId']} is signed by {key}" in born.text
        assert any(tag["Key"] == SIGNATURE for tag in first["Tags"])
        stack.idle()

        stack.begin()
        forged = planted(stack, first)
        [blue] = stack.groups().values()
        stack.set(active=other_color(blue.color), environment={"REHEARSAL_FAULT": "none", "LEVEL": "debug"})
        done = stack.up()
        assert f"{first['ImageId']} is reused" in done.text
        assert live_image(stack)["ImageId"] == first["ImageId"]

        stack.set(active=blue.color, image=forged)
        refused = stack.refused()
        assert f"imageSigningKey = '{key}'" in refused and f"{forged} is not trusted" in refused
        assert "nothing was changed" in refused
        stack.set(active=other_color(blue.color), image="")
        stack.idle()
        stack.end()

        asked = {
            action for call in stack.cloud.calls.seen if call.access_key != OBSERVER_KEY for action in iam.needed(call)
        }
        assert {"kms:Sign", "kms:Verify", "ec2:GetImageAncestry"} <= asked
        assert {one for one in asked if one.startswith("kms:")} <= iam.actions("read", "packer")
