"""A birth and a flip of a stack that bakes nothing: its images come from another account and region."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.names import other_color
from rehearsal.cloud.calls import OBSERVER_KEY
from tests.cycles.stack import CALM, IDENTITY, Stack
from tests.rehearsal.steps.baking import ended_well, image, run
from tests.support import iam
from tests.support.deployer import Deployer, make_bounds

# Who takes images and bakes none.
TAKER = ("read", "launch", "deploy", "rights", "copy", "network")
DEV, REGION, KEY = "111111111111", "eu-central-1", "AKIADEV"


def baked(stack: Stack, said: str) -> str:
    """What dev's update would do about a plan that was refused: bake, and share once it has served."""
    wanted = re.search(rf"account {DEV}, region {REGION} has no image .* with the fingerprint (\w+) for account", said)
    assert wanted, said
    theirs = {"account": DEV, "region": REGION}
    asked = image(folder=stack.shop.folder / "image")
    assert asked["fingerprint"].startswith(wanted[1])
    made: str = ended_well(
        run(
            stack.cloud,
            "bake",
            {**theirs, **asked, "kms_key": "none"},
            AWS_ACCESS_KEY_ID=KEY,
        )
    )["image"]
    shared = {**theirs, "image": made, "shared_with": json.dumps([stack.cloud.account])}
    assert ended_well(run(stack.cloud, "share", shared, AWS_ACCESS_KEY_ID=KEY))["images"]
    return made


def needed(stack: Stack, *, dev: bool) -> set[str]:
    """The permissions that either account was asked for."""
    calls = [
        call for call in stack.cloud.calls.seen if call.access_key != OBSERVER_KEY and (call.access_key == KEY) is dev
    ]
    return {action for call in calls for action in iam.needed(call)}


@pytest.mark.thorough
def test_servers_are_born_from_copies_and_flip_to_the_next_one(tmp_path: Path) -> None:
    with Stack(tmp_path, stand_in=True) as stack, ExitStack() as kept:
        stack.cloud.calls.accounts[KEY] = DEV
        deployer = Deployer(stack.cloud, TAKER)
        kept.enter_context(stack.cloud.calls.failing(deployer))
        bounds = make_bounds(stack.cloud)
        stack.set(**CALM, imageFrom=f"{DEV}/{REGION}", permissionsBoundary=bounds)
        planned = stack.engine.preview()
        assert not planned.ok and "nothing was changed" in planned.text
        assert f"imageSharedWith[0]' {stack.cloud.account}" in planned.text
        first = baked(stack, planned.text)
        done = stack.up()
        assert f"{first} (phoenix-" in done.text and "is copied to ami-" in done.text
        assert f"is copied from account {DEV}, region {REGION}" in done.text
        stack.idle()

        stack.begin()
        [blue] = stack.groups().values()
        stack.change()
        stack.set(active=other_color(blue.color))
        second = baked(stack, stack.refused())
        stack.up()
        [live] = stack.groups().values()
        assert stack.weights() == {other_color(blue.color): 100} == {live.color: 100}
        outputs: Any = stack.engine.outputs()["live"]
        [image] = stack.cloud.client("ec2").describe_images(ImageIds=[outputs["image"]])["Images"]
        tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
        assert tags["phoenix:copied-from"] == f"{DEV}/{REGION}/{second}" and tags["phoenix:stack"] == IDENTITY
        assert (outputs["commit"], outputs["fingerprint"]) == (tags["phoenix:commit"], live.fingerprint)
        assert len(stack.images()) == 2
        stack.end()

        # Each account's policies were enough, and who takes images needs nothing of who bakes them.
        assert needed(stack, dev=True) <= iam.actions("read", "packer", "share")
        asked = needed(stack, dev=False)
        assert asked <= iam.actions(*TAKER) and "ec2:CopyImage" in asked
        assert deployer.refused == [] and deployer.asked["ec2:CopyImage"] == 6
        assert not asked & {"ec2:CreateImage", "ec2:CreateKeyPair"}
