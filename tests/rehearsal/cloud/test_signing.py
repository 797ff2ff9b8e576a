"""KMS signs and EC2 tells of ancestors as AWS does, where moto is kinder or knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.images import base_images
from tests.rehearsal.boto3_stack import until

SIGN: Any = {"MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=0.1, time_scale=0.02) as made:
        yield made


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> str:
    made = cloud.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
    arn: str = made["KeyMetadata"]["Arn"]
    return arn


def code(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**asked)
    return str(refused.value.response["Error"]["Code"])


def test_a_signature_is_over_the_bytes_and_a_wrong_one_is_an_error(cloud: Cloud, key: str) -> None:
    kms = cloud.client("kms")
    made = kms.sign(KeyId=key, Message=b"a" * 4096, **SIGN)["Signature"]
    assert kms.verify(KeyId=key, Message=b"a" * 4096, Signature=made, **SIGN)["SignatureValid"] is True
    wrong = code(kms.verify, KeyId=key, Message=b"a" * 4095, Signature=made, **SIGN)
    assert wrong == "KMSInvalidSignatureException"
    assert code(kms.sign, KeyId=key, Message=b"a" * 4097, **SIGN) == "ValidationException"


def test_what_may_not_be_is_told_and_trying_changes_nothing(cloud: Cloud, key: str) -> None:
    kms = cloud.client("kms")
    assert code(kms.sign, KeyId=key, Message=b"-", DryRun=True, **SIGN) == "DryRunOperationException"
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert code(kms.sign, KeyId=other, Message=b"-", **SIGN) == "InvalidKeyUsageException"
    kms.disable_key(KeyId=key.rpartition("/")[2])
    assert code(kms.sign, KeyId=key, Message=b"-", **SIGN) == "DisabledException"
    kms.enable_key(KeyId=key.rpartition("/")[2])
    cloud.calls.accounts["AKIASTRANGER"] = "999999999999"
    stranger: Any = boto3.client(
        "kms",
        cloud.region,
        endpoint_url=cloud.endpoint,
        aws_access_key_id="AKIASTRANGER",
        aws_secret_access_key="secret",
    )
    assert code(stranger.sign, KeyId=key, Message=b"-", **SIGN) == "AccessDeniedException"


def test_an_image_has_the_ancestors_that_it_was_made_of(cloud: Cloud) -> None:
    ec2, base = cloud.client("ec2"), base_images.IMAGES[0]
    instance = ec2.run_instances(ImageId=base.id, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

    def state() -> str:
        [found] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        return str(found["State"]["Name"])

    until(lambda: state() == "running", what="a machine to make an image of")
    made = ec2.create_image(InstanceId=instance, Name="made")["ImageId"]
    copy = ec2.copy_image(Name="copy", SourceImageId=made, SourceRegion=cloud.region)["ImageId"]
    plain = ec2.register_image(Name="plain", RootDeviceName="/dev/xvda")["ImageId"]

    def sources(image: str) -> list[str | None]:
        return [one.get("SourceImageId") for one in ec2.get_image_ancestry(ImageId=image)["ImageAncestryEntries"]]

    assert sources(copy) == [made, base.id, None]
    assert sources(plain) == [None]
    [seen] = ec2.describe_images(ImageIds=[made])["Images"]
    assert (seen["SourceImageId"], seen["SourceImageRegion"], seen["SourceInstanceId"]) == (
        base.id,
        cloud.region,
        instance,
    )
    [seen] = ec2.describe_images(ImageIds=[copy])["Images"]
    assert seen["SourceImageId"] == made and "SourceInstanceId" not in seen
    # An image that is gone is still named, and ends the list.
    ec2.deregister_image(ImageId=made)
    assert sources(copy) == [made]
    assert code(ec2.get_image_ancestry, ImageId="ami-0123456789abcdef0") == "InvalidAMIID.NotFound"
