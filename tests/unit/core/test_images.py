"""What decides about a bake: reuse, wait or bake; which base may be one; what Packer is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore
import pytest
from moto import mock_aws

from core import base_images, images, partitions
from core.base_images import BaseImage
from core.errors import StepError
from core.images import Bake, Image, Reuse, Wait
from tests.support.account import moto_only

ACCOUNT, REGION = "123456789012", "eu-west-1"
FINGERPRINT = "0123456789ab" + "5" * 52
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def tags(**changed: str) -> dict[str, str]:
    values = {
        "service": "phoenix",
        "stack": "phoenix/dev",
        "fingerprint": FINGERPRINT,
        "base": "ami-0000000000000ba5e",
        "base_name": "debian-12",
        "commit": "c" * 40,
        "tree": "clean",
        "baked_at": "2026-11-20T06:00:00Z",
    }
    return images.tags(**{**values, **changed})


def image(
    ami: str = "ami-1", *, state: str = "available", age: timedelta = 4 * 24 * HOUR, tagged: bool = True
) -> Image:
    baked_at = (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Image(
        id=ami,
        name=f"phoenix-{FINGERPRINT}-20261120060000",
        state=state,
        created=NOW - age,
        tags=tags(baked_at=baked_at) if tagged else {},
    )


def decide(*found: Image, max_age_days: int = 0) -> images.Decision:
    return images.decide_reuse(found, fingerprint=FINGERPRINT, now=NOW, max_age_days=max_age_days, unfinished=HOUR)


@pytest.mark.parametrize(
    ("found", "max_age_days", "expected"),
    [
        pytest.param([], 0, Bake, id="none"),
        pytest.param([image()], 0, Reuse, id="one that is there"),
        pytest.param([image()], 4, Reuse, id="just young enough"),
        pytest.param([image()], 3, Bake, id="too old"),
        pytest.param([image(age=9999 * 24 * HOUR)], 0, Reuse, id="no limit of age"),
        pytest.param([image(state="pending", age=HOUR / 2)], 0, Wait, id="somebody else's bake"),
        pytest.param([image(state="pending", age=HOUR / 2, tagged=False)], 0, Wait, id="their image, not yet tagged"),
        pytest.param([image(age=HOUR / 2, tagged=False)], 0, Wait, id="made, and about to be tagged"),
        pytest.param([image(age=2 * HOUR, tagged=False)], 0, Bake, id="left without tags by a killed bake"),
        pytest.param([image(state="pending", age=2 * HOUR)], 0, Bake, id="pending for ever"),
        pytest.param([image(state="failed", age=HOUR / 2)], 0, Bake, id="failed"),
        pytest.param([image(), image("ami-2", state="pending", age=HOUR / 2)], 0, Reuse, id="one is there already"),
        pytest.param([image(), image("ami-2", state="pending", age=HOUR / 2)], 3, Wait, id="a younger one comes"),
    ],
)
def test_reuse_wait_or_bake(found: list[Image], max_age_days: int, expected: type) -> None:
    assert isinstance(decide(*found, max_age_days=max_age_days), expected)


def test_the_newest_of_several_is_reused() -> None:
    decision = decide(image("ami-old"), image("ami-new", age=HOUR), image("ami-older", age=9 * 24 * HOUR))
    assert isinstance(decision, Reuse) and decision.image.id == "ami-new"


@pytest.mark.parametrize(("key", "expected"), [("", Reuse), ("none", Bake), ("arn:1", Reuse)])
def test_an_image_that_another_key_encrypts_is_no_good_where_a_key_is_chosen(key: str, expected: type) -> None:
    there = replace(image(), tags=tags(kms_key="arn:1"))
    decision = images.decide_reuse([there], fingerprint=FINGERPRINT, now=NOW, max_age_days=0, unfinished=HOUR, key=key)
    assert isinstance(decision, expected)
    assert not isinstance(decision, Bake) or decision.why == "ami-1 was not baked with this imageKmsKey"


@pytest.mark.parametrize("wanted", [FINGERPRINT, "ami-1"])
def test_a_pinned_image_is_taken_whatever_its_age(wanted: str) -> None:
    assert images.select_pinned([image(age=9999 * 24 * HOUR)], wanted, service="phoenix").id == "ami-1"


@pytest.mark.parametrize("there", [[], [image(tagged=False)], [image(state="pending")]])
def test_a_pinned_image_must_be_there_and_complete(there: list[Image]) -> None:
    with pytest.raises(StepError, match=f"no available image {FINGERPRINT}"):
        images.select_pinned(there, FINGERPRINT, service="phoenix")


def test_names_are_recognised_again_and_others_are_not() -> None:
    pattern = images.name_pattern("my.app")
    assert pattern.fullmatch(images.name("my.app", FINGERPRINT, NOW))
    assert not pattern.fullmatch(images.name("my-app", FINGERPRINT, NOW))
    assert not pattern.fullmatch(images.name("my.app", FINGERPRINT, NOW) + "-copy")


# What is wrong with an image that Packer says it made.


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([], "does not exist", id="none"),
        pytest.param([image(state="failed")], "is failed", id="failed"),
        pytest.param([replace(image(), tags=tags(tree="dirty"))], "phoenix:tree=clean", id="another's tag"),
        pytest.param([replace(image(), tags=tags())], "", id="right"),
    ],
)
def test_what_packer_made_is_looked_at(found: list[Image], expected: str) -> None:
    problem = images.image_problem(found, "ami-1", tags())
    assert expected in problem and bool(problem) == bool(expected)


# The base image.


VENDORS = BaseImage(
    id="ami-0000000000000ba5e",
    name="debian-12-amd64-20251112-2294",
    owner=base_images.DEBIAN,
    architecture="x86_64",
    state="available",
    root_device="/dev/xvda",
    root_device_type="ebs",
    root_gib=8,
)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({}, "", id="its vendor's"),
        pytest.param({"tags": {"phoenix:fingerprint": FINGERPRINT}}, "is one of ours", id="carries our tags"),
        pytest.param({"tags": {"Name": "anything"}}, "", id="carries others' tags"),
        pytest.param({"owner": ACCOUNT}, "belongs to this account", id="our own account's"),
        pytest.param({"owner": "999999999999"}, "is not its vendor's", id="somebody else's"),
        pytest.param({"architecture": "arm64"}, "is for arm64", id="another architecture"),
        pytest.param({"state": "deregistered"}, "can't be used", id="gone"),
        pytest.param({"root_device_type": "instance-store"}, "can't be used", id="without a volume"),
    ],
)
def test_a_base_is_its_vendors_and_never_ours(change: dict[str, Any], why: str) -> None:
    refused = base_images.refusal(
        replace(VENDORS, **change), account=ACCOUNT, architecture="x86_64", owner=base_images.DEBIAN
    )
    assert (refused is None) if not why else (refused is not None and why in str(refused))


def test_a_base_given_by_its_id_may_be_anybodys_but_ours() -> None:
    def refusal(owner: str) -> StepError | None:
        return base_images.refusal(replace(VENDORS, owner=owner), account=ACCOUNT, architecture="x86_64", owner=None)

    assert refusal("999999999999") is None
    assert refusal(ACCOUNT) is not None


@pytest.mark.parametrize("text", ["ubuntu-24.04", "al2023", "/golden/image", "ami-0123456789abcdef0"])
def test_what_a_base_image_may_be_called(text: str) -> None:
    assert base_images.parse_name(text) == text


@pytest.mark.parametrize("text", ["", "ubuntu", "ami-", "golden/image", "ami-0123456789abcdef0 "])
def test_what_a_base_image_may_not_be_called(text: str) -> None:
    with pytest.raises(ValueError, match=r"not one of ubuntu-24\.04"):
        base_images.parse_name(text)


@pytest.mark.parametrize(
    ("setting", "name", "user"),
    [
        ("ubuntu-22.04", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20251015", "ubuntu"),
        ("debian-13", "debian-13-amd64-20251117-2299", "admin"),
        ("al2023", "al2023-ami-2023.9-kernel-6.1-x86_64", "ec2-user"),
        ("ami-0123456789abcdef0", "debian-12-amd64-20251112-2294", "admin"),
        ("/golden/image", "company-linux-7", None),
    ],
)
def test_whom_a_base_lets_in(setting: str, name: str, user: str | None) -> None:
    assert base_images.ssh_username(replace(VENDORS, name=name), base_image=setting) == user


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.Session(region_name=REGION)


def test_a_name_leads_through_the_vendors_parameter_to_its_image(aws: boto3.Session) -> None:
    found = base_images.find_base_image(
        aws.client("ec2"), aws.client("ssm"), "al2023", account=ACCOUNT, architecture="x86_64"
    )
    assert found.owner == base_images.AMAZON and found.architecture == "x86_64"


def test_an_image_of_ours_is_refused_as_a_base(aws: boto3.Session) -> None:
    ec2 = aws.client("ec2")
    vendors = ec2.describe_images(Owners=[base_images.AMAZON])["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=vendors, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ours = ec2.create_image(InstanceId=instance, Name="golden")["ImageId"]
    aws.client("ssm").put_parameter(Name="/golden/image", Value=ours, Type="String")
    with pytest.raises(StepError, match=f"belongs to this account, {ACCOUNT}"):
        base_images.find_base_image(ec2, aws.client("ssm"), "/golden/image", account=ACCOUNT, architecture="x86_64")


class Elsewhere:
    """EC2 and Systems Manager of another partition, where each name leads to an image of this owner."""

    def __init__(self, partition: str, owner: str) -> None:
        self.meta, self.owner = SimpleNamespace(partition=partition), owner

    def get_parameter(self, **_: str) -> dict[str, Any]:
        return {"Parameter": {"Value": "ami-0123456789abcdef0"}}

    def describe_images(self, ImageIds: list[str]) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        return {
            "Images": [
                {
                    "ImageId": ImageIds[0],
                    "OwnerId": self.owner,
                    "Architecture": "x86_64",
                    "State": "available",
                    "RootDeviceType": "ebs",
                }
            ]
        }

    def find(self, name: str) -> BaseImage:
        both: Any = self
        return base_images.find_base_image(both, both, name, account=ACCOUNT, architecture="x86_64")


@pytest.mark.parametrize(
    ("where", "name", "owner"),
    [
        ("aws-us-gov", "ubuntu-24.04", "513442679011"),
        ("aws-cn", "ubuntu-22.04", "837727238323"),
        ("aws-us-gov", "al2023", "045324592363"),
        ("aws-cn", "al2023", "141808717104"),
    ],
)
def test_a_vendor_has_another_account_in_another_partition(where: str, name: str, owner: str) -> None:
    assert Elsewhere(where, owner).find(name).owner == owner
    usual = base_images.VENDORS[name].owners["aws"]
    with pytest.raises(StepError, match="is not its vendor's"):
        Elsewhere(where, usual).find(name)


def test_a_name_means_nobodys_image_where_its_vendors_account_is_not_known() -> None:
    with pytest.raises(StepError, match="account of debian-13 is not known in the partition aws-cn") as refused:
        Elsewhere("aws-cn", base_images.DEBIAN).find("debian-13")
    assert "choose one of ubuntu-24.04, ubuntu-22.04, al2023, or give an image" in refused.value.do


def test_a_region_is_of_the_partition_that_aws_says() -> None:
    data = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())
    regions = {
        region: one["id"] for one in data["partitions"] for region in one["regions"] if not region.endswith("-global")
    }
    assert {region: partitions.of(region) for region in regions} == regions


@pytest.mark.parametrize("name", ["/nothing/here", "ami-0123456789abcdef0"])
def test_a_base_that_is_not_there_is_told(aws: boto3.Session, name: str) -> None:
    with pytest.raises(StepError, match="does not exist in this region"):
        base_images.find_base_image(aws.client("ec2"), aws.client("ssm"), name, account=ACCOUNT, architecture="x86_64")
