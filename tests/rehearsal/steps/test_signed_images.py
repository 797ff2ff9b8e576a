"""Images that a signature proves, from the account that bakes to the one that serves; forged ones are refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core import images
from core.provenance import COPIED_FROM, SIGNATURE
from tests.rehearsal.boto3_stack import until
from tests.rehearsal.steps.baking import ended_well, image
from tests.rehearsal.steps.two_accounts import DEV, DEV_REGION, FROM, World, policy, refused, told


def signing_key(world: World, *users: str, spec: str = "ECC_NIST_P256") -> str:
    made = world.client("kms", dev=True).create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec, Policy=policy(DEV, *users))
    arn: str = made["KeyMetadata"]["Arn"]
    return arn


def forged(world: World, original: str, *, dev: bool, name: str) -> str:
    """From a changed server of an image, with all of that image's tags."""
    ec2 = world.client("ec2", dev=dev)
    instance = ec2.run_instances(ImageId=original, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    until(lambda: state(ec2, instance) == "running", what="a machine to change")
    made: str = ec2.create_image(InstanceId=instance, Name=name)["ImageId"]
    ec2.create_tags(Resources=[made], Tags=world.image(original, dev=dev)["Tags"])
    ec2.terminate_instances(InstanceIds=[instance])
    return made


def state(ec2: Any, instance: str) -> str:
    [found] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    return str(found["State"]["Name"])


def test_a_bake_is_signed_found_again_and_copied_and_a_forged_image_never_is(world: World) -> None:
    key, asked = signing_key(world, world.cloud.account), image("signed")
    wanted: Any = {**asked, "kms_key": "none", "signing_key": key}
    done = world.dev("bake", **wanted)
    first = ended_well(done)
    assert first["baked"] is True and f"{first['image']} is signed by {key}" in done.stderr
    tags = world.image(first["image"], dev=True)["tags"]
    assert_anybody_can_check(world, first["image"], key)

    planted = forged(world, first["image"], dev=True, name="phoenix-planted")
    assert world.image(planted, dev=True)["tags"] == tags
    assert ended_well(world.dev("bake", **wanted)) == {**first, "baked": False}
    refused(world.dev("bake", **wanted, image=planted), f"{planted} is not trusted", "or is for another image")
    # Without the key anybody who may tag decides.
    assert ended_well(world.dev("bake", **{**wanted, "signing_key": ""}, image=planted))["image"] == planted

    ended_well(world.share(first["image"], world.cloud.account))
    copied = ended_well(world.prod(asked["fingerprint"], signing_key=key))
    assert copied["copied"] is True and world.planned(asked["fingerprint"], image_signing_key=key).problems == ()
    ours = world.image(copied["image"])
    assert ours["tags"][SIGNATURE] == tags[SIGNATURE]
    assert ours["tags"][COPIED_FROM].startswith(f"{FROM}/{first['image']}/snap-")

    # The original goes, its copy is proved nevertheless; what was made from the copy's server is not.
    world.client("ec2", dev=True).deregister_image(ImageId=first["image"])
    fake = forged(world, copied["image"], dev=False, name="phoenix-planted")
    again = ended_well(world.prod(asked["fingerprint"], signing_key=key))
    assert again == {**copied, "copied": False}
    refused(world.prod(asked["fingerprint"], signing_key=key, image=fake), f"{fake} is not trusted", "and is no copy")

    # With nothing that is proved left, dev bakes anew beside what was planted.
    better = world.dev("bake", **wanted)
    assert ended_well(better)["baked"] is True
    assert f"an image is baked: {planted} is not trusted" in better.stderr


def assert_anybody_can_check(world: World, ami: str, key: str) -> None:
    """With the public key and a library, and no help of this project's."""
    envelope: Any = ended_well(world.dev("attest", image=ami, signing_key=key))
    public = load_der_public_key(world.client("kms", dev=True).get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public, EllipticCurvePublicKey)
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    [signature] = envelope["signatures"]
    signed = b" ".join([b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload])
    public.verify(base64.b64decode(signature["sig"]), signed, ECDSA(hashes.SHA256()))


def test_an_unsigned_image_and_one_of_another_key_are_not_copied(world: World) -> None:
    wanted, key = "a" * 64, signing_key(world, world.cloud.account)
    original = world.baked(wanted)
    ended_well(world.share(original, world.cloud.account))
    says = ("with the fingerprint aaaaaaaaaaaa is trusted", f"{original}: it is not signed", "imageSigningKey")
    refused(world.prod(wanted, signing_key=key), *says)
    plan = world.planned(wanted, image_signing_key=key)
    for text in says:
        assert text in told(plan)
    assert ended_well(world.prod(wanted))["copied"] is True
    # What was copied before the key was set is not launched under it, and not copied again.
    refused(world.prod(wanted, signing_key=key), *says)


def test_who_may_not_use_the_key_is_told_which_permission(world: World) -> None:
    asked, key = image("denied"), signing_key(world)
    ended_well(world.dev("bake", **asked, kms_key="none", signing_key=key))
    [made] = images.find_images(world.client("ec2", dev=True), {"tag:phoenix:fingerprint": asked["fingerprint"]})
    ended_well(world.share(made.id, world.cloud.account))
    refused(
        world.prod(asked["fingerprint"], signing_key=key),
        "it can't be checked who signed",
        f"allow kms:Verify on {key}",
    )
    assert f"allow kms:Verify on {key}" in told(world.planned(asked["fingerprint"], image_signing_key=key))


@pytest.mark.parametrize(("spec", "why"), [("RSA_2048", "of the kind RSA_2048"), ("ECC_NIST_P256", "it is Disabled")])
def test_a_key_that_can_not_sign_is_told_before_packer_runs(world: World, spec: str, why: str) -> None:
    key = signing_key(world, spec=spec)
    if spec == "ECC_NIST_P256":
        world.client("kms", dev=True).disable_key(KeyId=key.rpartition("/")[2])
    done = world.dev("bake", **image(spec), kms_key="none", signing_key=key)
    refused(done, f"the image can't be signed with {key}", why, "imageSigningKey")
    assert "packer" not in done.stderr.lower()


def test_a_base_that_descends_from_an_image_of_ours_is_none(world: World) -> None:
    """Somebody else's copy of one of ours carries no tag that says so; EC2 says it."""
    ours, other = world.baked("9" * 64), "222222222222"
    world.cloud.calls.accounts["AKIAOTHER"] = other
    ended_well(world.share(ours, other))
    theirs = world.session(dev=True).client(
        "ec2", aws_access_key_id="AKIAOTHER", aws_secret_access_key="secret", region_name=DEV_REGION
    )
    copy = theirs.copy_image(Name="golden", SourceImageId=ours, SourceRegion=DEV_REGION)["ImageId"]
    until(
        lambda: theirs.describe_images(ImageIds=[copy])["Images"][0]["State"] == "available",
        what="somebody else's copy",
    )
    theirs.modify_image_attribute(ImageId=copy, Attribute="launchPermission", OperationType="add", UserIds=[DEV])
    done = world.dev("bake", **image("golden", base_image=copy), kms_key="none")
    refused(done, f"the base image {copy} descends from {ours}, which is one of ours", "vendor's image as baseImage")
