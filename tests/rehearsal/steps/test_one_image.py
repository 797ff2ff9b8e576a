"""One image from the account and region that bake to the one that serves: shared, copied, and refused in words."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from core import images
from core import kms as keys
from core.names import shown
from plan import image_origin
from plan.image_source import ImageSource
from plan.readers.live_state import Account
from plan.readers.reads import Reads
from rehearsal import PROJECT
from tests.rehearsal.boto3_stack import until
from tests.rehearsal.steps.baking import ended_well, environment, image, run
from tests.rehearsal.steps.two_accounts import DEV, DEV_REGION, FROM, World, policy, refused, told
from tests.support.factories import NOW, settings


def test_what_dev_has_served_with_is_copied_once_and_is_prods_own(world: World) -> None:
    asked = image("a")
    wanted = asked["fingerprint"]
    refused(
        world.prod(wanted),
        f"account {DEV}, region {DEV_REGION} has no image of the service phoenix with the",
        "it shows this account none at all",
        f"imageSharedWith[0]' {world.cloud.account}",
    )
    original = world.bake(asked)
    refused(world.prod(wanted), "it shows this account none at all")
    assert "none at all" in told(world.planned(wanted))
    assert ended_well(world.share(original, world.cloud.account)) == {
        "images": [original],
        "sharedWith": [world.cloud.account],
    }
    plan = world.planned(wanted)
    assert plan.problems == () and plan.needs_bake is False
    assert plan.description.startswith(f"{original} is copied from account {DEV}, region {DEV_REGION}: ")
    assert f"fingerprint {shown(wanted)}" in plan.description

    before = world.copies()
    done = world.prod(wanted)
    first = ended_well(done)
    assert first["copied"] is True and first["image"] != original
    assert f"of account {DEV}, region {DEV_REGION} is copied to {first['image']}" in done.stderr
    assert "is being copied: " in done.stderr and "%" in done.stderr
    theirs, ours = world.image(original, dev=True), world.image(first["image"])
    assert ours["OwnerId"] == world.cloud.account and ours["Name"] == theirs["Name"]
    assert theirs["tags"].pop("phoenix:shared-by") == "phoenix/dev"
    # That the original is not encrypted is not so of the copy.
    assert theirs["tags"].pop("phoenix:kms-key") == keys.NONE
    assert (
        ours["tags"]
        == ours["snapshot"]["tags"]
        == {
            **theirs["tags"],
            "phoenix:stack": "phoenix/prod",
            "phoenix:copied-from": f"{FROM}/{original}/{theirs['snapshot']['SnapshotId']}",
            # A description, which is what another account sees, has room for the day.
            "phoenix:base-date": theirs["tags"]["phoenix:base-date"][:10],
        }
    )
    assert theirs["snapshot"]["Encrypted"] is False and ours["snapshot"]["Encrypted"] is True
    assert {key: first[key] for key in ("fingerprint", "commit", "base", "bakedAt", "rootDevice")} == {
        "fingerprint": wanted,
        "commit": theirs["tags"]["phoenix:commit"],
        "base": theirs["tags"]["phoenix:base"],
        "bakedAt": theirs["tags"]["phoenix:baked-at"],
        "rootDevice": theirs["RootDeviceName"],
    }

    again = ended_well(world.prod(wanted))
    assert again == {**first, "copied": False} and world.copies() == before + 1
    known = images.list_available(world.client("ec2", dev=False), service="phoenix")
    assert [(image.id, image.fingerprint) for image in known] == [(first["image"], wanted)]

    # The original is gone, and nobody in prod minds.
    world.client("ec2", dev=True).deregister_image(ImageId=original)
    assert ended_well(world.prod(wanted))["image"] == first["image"]
    assert ended_well(world.prod("f" * 64, image=wanted))["image"] == first["image"]
    kept = run(world.cloud, "prune", {"stack": "phoenix/prod", "image_keep": "1"})
    assert ended_well(kept)["kept"] == [first["image"]]


def test_an_encrypted_image_needs_its_key_shared_and_gets_another_one(world: World) -> None:
    wanted = "b" * 64
    theirs, ours = world.key(dev=True), world.key(dev=False)
    original = world.baked(wanted, key=theirs)
    assert world.image(original, dev=True)["snapshot"]["KmsKeyId"] == theirs
    world.share(original, world.cloud.account)
    says = (
        f"account {world.cloud.account} may not use {theirs}, with which {original} is encrypted",
        f"add arn:aws:iam::{world.cloud.account}:root to the policy of the key",
        "kms:CreateGrant",
    )
    refused(world.prod(wanted), *says)
    for text in says:
        assert text in told(world.planned(wanted))

    world.client("kms", dev=True).put_key_policy(
        KeyId=theirs, PolicyName="default", Policy=policy(DEV, world.cloud.account)
    )
    missing = f"arn:aws:kms:{world.cloud.region}:{world.cloud.account}:key/00000000-0000-0000-0000-000000000000"
    refused(world.prod(wanted, kms_key=missing), f"the copy can't be encrypted with {missing}", "does not exist")
    said = told(world.planned(wanted, image_kms_key=missing))
    assert f"imageKmsKey = '{missing}': must be a key that EC2 can encrypt with" in said and "does not exist" in said
    made = ended_well(world.prod(wanted, kms_key=ours))
    assert world.image(made["image"])["snapshot"]["KmsKeyId"] == ours


def test_a_copy_that_fails_is_told_and_taken_away_and_the_next_succeeds(world: World) -> None:
    wanted, theirs = "7" * 64, world.key(dev=True, users=(world.cloud.account,))
    original, kms = world.baked(wanted, key=theirs), world.client("kms", dev=True)
    world.share(original, world.cloud.account)
    ours, done = world.client("ec2", dev=False), []
    with world.cloud.calls.holding(lambda call: call.name == "ec2:CopyImage") as held:
        step = threading.Thread(target=lambda: done.append(world.prod(wanted)))
        step.start()
        assert held.reached.wait(60)
        kms.put_key_policy(KeyId=theirs, PolicyName="default", Policy=policy(DEV))
    step.join()
    refused(done[0], "AWS could not make the copy ami-", f"The key {theirs} can't be used", "docs/one-image.md")
    name = world.image(original, dev=True)["Name"]
    there: Any = {"Owners": ["self"], "Filters": [{"Name": "name", "Values": [name]}]}
    assert ours.describe_images(**there)["Images"] == []

    # One that failed with nobody looking has the name, which AWS gives only once.
    ours.copy_image(Name=name, SourceImageId=original, SourceRegion=DEV_REGION)
    until(lambda: ours.describe_images(**there)["Images"][0]["State"] == "failed", what="a copy that failed")
    kms.put_key_policy(KeyId=theirs, PolicyName="default", Policy=policy(DEV, world.cloud.account))
    assert ended_well(world.prod(wanted))["copied"] is True
    assert len(ours.describe_images(**there)["Images"]) == 1


def test_a_key_that_the_baking_account_has_not_is_told_before_packer_runs(world: World) -> None:
    missing = f"arn:aws:kms:{DEV_REGION}:{DEV}:key/00000000-0000-0000-0000-000000000000"
    done = world.dev("bake", **image("9"), kms_key=missing)
    refused(done, f"the image can't be encrypted with {missing}", "does not exist", "imageKmsKey")
    assert "Launched" not in done.stderr


def test_what_awss_own_key_encrypts_is_not_shared_and_fails_nobody(world: World) -> None:
    asked = image("c")
    wanted = asked["fingerprint"]
    original = world.baked(wanted, key="")
    done = world.dev("share", image=original, shared_with=json.dumps([world.cloud.account]))
    assert original not in ended_well(done)["images"]
    assert f"warning: PHX-552: {original} can't be shared" in done.stderr and "imageKmsKey" in done.stderr
    refused(world.prod(wanted), f"has no image of the service phoenix with the fingerprint {shown(wanted)}")
    # Whoever is to share it bakes it anew, and that one is found again.
    better = world.bake(asked)
    assert better != original and better in ended_well(world.share(better, world.cloud.account))["images"]
    again = ended_well(world.dev("bake", **asked, kms_key=keys.NONE))
    assert (again["image"], again["baked"]) == (better, False)


def test_awss_own_key_is_no_choice(world: World) -> None:
    asked = image("8")
    disk = world.image(world.baked(asked["fingerprint"], key=""), dev=True)["snapshot"]
    own: str = disk["KmsKeyId"]
    done = world.dev("bake", **asked, kms_key=own)
    refused(done, f"the image can't be encrypted with {own}", "AWS's own key, which can't be shared")
    chosen = settings(region=DEV_REGION, image_kms_key=own, image_shared_with=(world.cloud.account,))
    found = ImageSource(asked["fingerprint"], "baked from scratch", needs_bake=True)
    asked_by = Account(DEV, DEV_REGION)
    said = image_origin.resolve_missing_image(Reads(world.session(dev=True)), chosen, found, asked_by, now=NOW)
    assert "AWS's own key, which can't be shared; an empty imageKmsKey means that one" in str(said.problems)
    assert said.description == found.description


def test_another_stack_shares_what_it_found_and_takes_back_its_own_alone(world: World) -> None:
    mine, theirs, other = world.baked("4" * 64), world.baked("5" * 64), "222222222222"
    assert ended_well(world.share(theirs, other, stack="phoenix/staging"))["images"] == [theirs]
    assert mine in ended_well(world.share(mine, other))["images"]
    assert ended_well(world.share(theirs, stack="phoenix/staging"))["images"] == [theirs]
    assert world.image(mine, dev=True)["tags"]["phoenix:shared-by"] == "phoenix/dev"


def test_snapshots_that_are_not_shared_are_told_with_the_command(world: World) -> None:
    wanted = "d" * 64
    original = world.baked(wanted)
    world.share(original, world.cloud.account)
    ec2, snapshot = world.client("ec2", dev=True), world.image(original, dev=True)["snapshot"]["SnapshotId"]
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="remove", UserIds=[world.cloud.account]
    )
    says = (
        f"the snapshots of {original} are not shared with account {world.cloud.account}",
        f"as account {DEV}: aws ec2 modify-snapshot-attribute --region {DEV_REGION} --snapshot-id {snapshot}"
        f" --attribute createVolumePermission --operation-type add --user-ids {world.cloud.account}",
    )
    refused(world.prod(wanted), *says)
    for text in says:
        assert text in told(world.planned(wanted))
    # The local cloud is as strict as AWS, which is what the look beforehand spares the user.
    with pytest.raises(Exception, match="You do not have permission to access the storage of this ami"):
        world.client("ec2", dev=False).copy_image(Name="mine", SourceImageId=original, SourceRegion=DEV_REGION)


def test_with_whom_it_is_shared_is_what_the_key_says_and_no_more(world: World) -> None:
    wanted, other = "e" * 64, "222222222222"
    original = world.baked(wanted)
    ec2 = world.client("ec2", dev=True)

    def shared() -> tuple[list[str], list[str]]:
        said = ec2.describe_image_attribute(ImageId=original, Attribute="launchPermission")["LaunchPermissions"]
        disk = ec2.describe_snapshot_attribute(
            SnapshotId=world.image(original, dev=True)["snapshot"]["SnapshotId"], Attribute="createVolumePermission"
        )
        return [one["UserId"] for one in said], [one["UserId"] for one in disk["CreateVolumePermissions"]]

    world.share(original, other)
    assert shared() == ([other], [other])
    assert "there are" not in (said := told(world.planned(wanted))) or shown(wanted) not in said.split("there are")[1]
    # It is no longer the one that serves, and still follows.
    world.share("ami-0000000000000000f", world.cloud.account)
    assert shared() == ([world.cloud.account], [world.cloud.account])
    assert world.planned(wanted).problems == ()
    assert any(one.shared_by == "phoenix/dev" for one in images.list_available(ec2, service="phoenix"))
    world.share("ami-0000000000000000f")
    assert shared() == ([], [])
    assert not any(one.shared_by for one in images.list_available(ec2, service="phoenix"))
    assert shown(wanted) in told(world.planned(wanted))


def test_a_copy_goes_on_when_its_step_is_interrupted_and_the_next_finds_it(world: World) -> None:
    wanted = "0" * 64
    world.share(world.baked(wanted), world.cloud.account)
    asked, given = world.copies(), {"stack": "phoenix/prod", "fingerprint": wanted, "image_from": FROM}
    with subprocess.Popen(
        ["sh", "steps/run", "copy"],
        cwd=PROJECT,
        env=environment(world.cloud, given),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as step:
        assert step.stderr is not None
        begun = next(line for line in step.stderr if "is copied to" in line)
        step.terminate()
        assert "goes on from what is there" in step.stderr.read()
    assert step.returncode == 1
    found = ended_well(world.prod(wanted))
    assert found["copied"] is False and found["image"] in begun
    assert world.copies() == asked + 1


def test_who_may_not_be_asked_and_what_leads_nowhere_is_refused(world: World) -> None:
    here = told(world.planned("a" * 64, image_from=f"{world.cloud.account}/{world.cloud.region}"))
    assert "must lead elsewhere" in here and "pulumi config rm imageFrom" in here


def test_the_template_of_the_docs_is_the_policy_of_a_key() -> None:
    text = Path(PROJECT / "docs" / "one-image.md").read_text()
    for action in keys.ACTIONS:
        assert f'"{action}"' in text
