"""Which image of another account is copied, what is read out of its description, and who is told what otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.ec2.models import ec2_backends

from core import image_sharing, images, packages
from core import kms as keys
from core.errors import StepError
from core.image_sharing import AccountRegion
from core.images import Image
from plan.checks import encryption
from plan.readers.live_state import Account
from steps.image import copy, leftovers, share
from tests.support.account import moto_only
from tests.support.factories import settings
from tests.unit.steps.cloud import Wrapped

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DEV = AccountRegion(account="111111111111", region="eu-central-1")
WANTED, ME = "0123456789ab" + "5" * 52, "222222222222"
LONGEST = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022"


def tags(base_name: str = LONGEST, **changed: str) -> dict[str, str]:
    values = {
        "service": "shop",
        "stack": "shop/dev",
        "fingerprint": WANTED,
        "base": "ami-0123456789abcdef0",
        "base_name": base_name,
        "commit": "c" * 40,
        "tree": "clean",
        "baked_at": "2026-11-20T06:00:00Z",
        "base_date": "2026-11-12T00:00:00Z",
    }
    return {**images.tags(**{**values, **changed}), "phoenix:packages": "fedcba987654"}


def image(ami: str, *, days: float, fingerprint: str = WANTED) -> Image:
    baked = (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Image(
        id=ami,
        name=f"shop-{fingerprint}-20261120060000",
        state="available",
        created=NOW,
        tags=tags(baked_at=baked, fingerprint=fingerprint),
    )


def choose(*there: Image, place: AccountRegion = DEV, max_age_days: int = 30) -> Image:
    return image_sharing.select(
        there, place, service="shop", fingerprint=WANTED, account=ME, max_age_days=max_age_days, now=NOW
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("111111111111", AccountRegion(account="111111111111", region="eu-west-1")),
        ("111111111111/us-gov-west-1", AccountRegion(account="111111111111", region="us-gov-west-1")),
    ],
)
def test_a_place_is_an_account_and_its_region_or_the_own_one(text: str, place: AccountRegion) -> None:
    assert image_sharing.parse_account_region(text, region="eu-west-1") == place


# What an image's own name says.
NAMED = ("phoenix:service", "phoenix:stack", "phoenix:fingerprint", "phoenix:baked-at")


def test_a_description_says_what_the_tags_do() -> None:
    said = image_sharing.parse_description(image_sharing.description(tags()))
    expected = {key: value for key, value in tags().items() if key not in NAMED}
    assert said == {**expected, "phoenix:base-date": "2026-11-12"}


def test_a_description_has_room_for_a_signature_and_all_that_it_is_over() -> None:
    """AWS cuts nothing: a signature that lacks a letter proves no image."""
    whole = {**tags(tree="dirty", base_date="2026-11-12T00:00:00.000Z"), "phoenix:packages": "f" * packages.DIGITS}
    whole["phoenix:signature"] = "s" * 86
    text = image_sharing.description(whole)
    assert len(text) <= 255
    assert image_sharing.parse_description(text) == {
        "phoenix:base": whole["phoenix:base"],
        "phoenix:base-name": whole["phoenix:base"],
        "phoenix:base-date": "2026-11-12",
        "phoenix:commit": whole["phoenix:commit"],
        "phoenix:tree": "dirty",
        "phoenix:packages": whole["phoenix:packages"],
        "phoenix:signature": whole["phoenix:signature"],
    }


def test_a_description_is_cut_off_in_the_name_of_the_base_alone() -> None:
    text = image_sharing.description(tags(base_name="x" * 128))
    assert len(text) <= 255
    said = image_sharing.parse_description(text)
    assert said["phoenix:packages"] == "fedcba987654"
    assert 0 < len(said["phoenix:base-name"]) < 128 and not said["phoenix:base-name"].strip("x")


@pytest.mark.parametrize("text", ["", "Created by hand", "phoenix", "phoenix base=ami-1", "phoenix x base-name=y"])
def test_other_descriptions_say_nothing(text: str) -> None:
    assert image_sharing.parse_description(text) == {}


def test_the_youngest_with_the_fingerprint_is_chosen() -> None:
    there = [image("ami-other", days=0, fingerprint="f" * 64), image("ami-young", days=2), image("ami-old", days=9)]
    assert choose(*there).id == "ami-young"


def test_a_fingerprint_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(StepError) as error:
        choose(image("ami-1", days=4, fingerprint="f" * 64))
    assert "there are ffffffffffff (baked 2026-11-20); equal commits of imageDir" in str(error.value)
    assert f"pulumi config set --path 'imageSharedWith[0]' {ME}" in str(error.value)
    with pytest.raises(StepError) as error:
        choose(place=AccountRegion(account=ME, region="us-east-1"))
    assert "none at all" in str(error.value) and "imageSharedWith" not in str(error.value)


def test_one_that_is_too_old_is_refused_unless_there_is_no_limit() -> None:
    with pytest.raises(StepError, match="too old") as error:
        choose(image("ami-1", days=31))
    assert f"pulumi config set image {WANTED[:12]} " in str(error.value)
    assert choose(image("ami-1", days=31), max_age_days=0).id == "ami-1"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.Session(region_name="eu-west-1")


def test_whatever_lacks_name_or_words_is_left_out(session: boto3.Session) -> None:
    ec2 = session.client("ec2")
    words = image_sharing.description(tags())
    for name, said in (
        (f"shop-{WANTED}-20261120060000", words),
        (f"shop-{WANTED}-20261120060001", "by hand"),
        (f"shop-api-{WANTED}-20261120060000", words),
        ("shop-latest", words),
    ):
        ec2.register_image(Name=name, Description=said, RootDeviceName="/dev/xvda")
    [found] = image_sharing.list_shared(ec2, AccountRegion(account="123456789012", region="eu-west-1"), service="shop")
    assert (found.fingerprint, found.name) == (WANTED, f"shop-{WANTED}-20261120060000")
    assert found.baked_at == datetime(2026, 11, 20, 6, 0, tzinfo=UTC) and found.tags["phoenix:commit"] == "c" * 40


@pytest.mark.parametrize("answer", [{"Snapshots": []}, "InvalidSnapshot.NotFound"])
def test_a_snapshot_that_is_hidden_is_not_shared_however_aws_says_it(session: boto3.Session, answer: Any) -> None:
    def describe_snapshots(**_: Any) -> Any:
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, "DescribeSnapshots")
        return answer

    ec2 = Wrapped(session.client("ec2"), describe_snapshots=describe_snapshots)
    hidden = Image(id="ami-1", name="n", state="available", created=NOW, snapshots=("snap-1",))
    with pytest.raises(StepError, match="snapshots of ami-1 are not shared with account 222222222222"):
        image_sharing.check_copyable(ec2, session.client("kms"), hidden, DEV, account=ME)  # type: ignore[arg-type]


def test_a_key_that_can_not_be_used_says_why(session: boto3.Session) -> None:
    kms = session.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    assert keys.key_problem(kms, arn) == ""
    kms.disable_key(KeyId=arn.rpartition("/")[2])
    assert keys.key_problem(kms, arn) == "it is Disabled"
    rsa = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="RSA_2048")["KeyMetadata"]["Arn"]
    assert "symmetric keys only" in keys.key_problem(kms, rsa)
    assert "NotFoundException" in keys.key_problem(kms, arn[:-36] + "00000000-0000-0000-0000-000000000000")


def test_a_key_may_be_another_accounts() -> None:
    key = "arn:aws:kms:eu-west-1:999999999999:key/1"
    given = copy.Options(
        stack="shop/prod",
        account=ME,
        region="eu-west-1",
        service="shop",
        fingerprint=WANTED,
        image_from="111111111111",
        kms_key=key,
    )
    assert key not in given.arns()


def test_none_is_no_key_in_an_account_that_encrypts_every_volume(session: boto3.Session) -> None:
    by_default = {"EbsEncryptionByDefault": True}
    ec2 = Wrapped(session.client("ec2"), get_ebs_encryption_by_default=lambda: by_default)
    there = SimpleNamespace(client=lambda name, config: ec2)
    shares = settings(image_shared_with=(ME,), image_kms_key="none")
    said = encryption.key_problem(there, shares, Account("111111111111", "eu-west-1"))  # type: ignore[arg-type]
    assert "must be a key: account 111111111111 encrypts every volume in eu-west-1 by default" in str(said)
    by_default["EbsEncryptionByDefault"] = False
    assert encryption.key_problem(there, shares, Account("111111111111", "eu-west-1")) is None  # type: ignore[arg-type]


def test_an_account_that_aws_does_not_know_is_named(session: boto3.Session) -> None:
    def modify_image_attribute(**given: Any) -> None:
        if "UserIds" in given:
            raise ClientError({"Error": {"Code": "InvalidAMIAttributeItemValue", "Message": "no"}}, "Modify")

    ec2 = session.client("ec2")
    ami = ec2.register_image(Name=f"shop-{WANTED}-20261120060000", RootDeviceName="/dev/xvda")["ImageId"]
    ec2.create_tags(Resources=[ami], Tags=[{"Key": key, "Value": value} for key, value in tags().items()])
    wrapped = Wrapped(ec2, modify_image_attribute=modify_image_attribute)
    given = share.Options(
        stack="shop/dev", account="123456789012", region="eu-west-1", service="shop", image=ami, shared_with=(ME,)
    )
    with pytest.raises(StepError, match=f"imageSharedWith names an account that AWS does not know: {ME}"):
        share.share(given, SimpleNamespace(aws=SimpleNamespace(ec2=wrapped)))  # type: ignore[arg-type]


def test_a_copy_that_failed_is_a_leftover_and_one_that_goes_on_is_none(session: boto3.Session) -> None:
    ec2 = session.client("ec2")
    made = {}
    for number, state in enumerate(("failed", "pending", "available")):
        name = f"shop-{WANTED}-2026112006000{number}"
        made[state] = ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"]
        ec2.create_tags(Resources=[made[state]], Tags=[{"Key": key, "Value": value} for key, value in tags().items()])
    for state, ami in made.items():
        ec2_backends["123456789012"]["eu-west-1"].amis[ami].state = state
    found = leftovers.find(ec2, service="shop", stack="shop/dev")
    assert [one.id for one in found if one.kind == "image"] == [made["failed"]]


def test_a_copys_snapshot_is_as_old_as_the_copy_not_as_its_original(session: boto3.Session) -> None:
    ec2: Any = session.client("ec2")
    volume = ec2.create_volume(Size=8, AvailabilityZone="eu-west-1a")["VolumeId"]
    old = [{"Key": key, "Value": value} for key, value in tags(baked_at="2020-01-01T00:00:00Z").items()]
    said = [{"ResourceType": "snapshot", "Tags": old}]
    snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=said)["SnapshotId"]
    [found] = [one for one in leftovers.find(ec2, service="shop", stack="shop/dev") if one.id == snapshot]
    assert leftovers.select_old([found], used=set(), before=datetime.now(UTC) - timedelta(days=1)) == []
