"""What proves an image: a signature over what EC2 and its tags say of it, and nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from core import image_sharing, image_trust, images, provenance
from core.errors import StepError
from core.image_sharing import AccountRegion
from core.image_trust import Trust
from core.images import Bake, Image, Reuse, Wait
from core.provenance import COPIED_FROM, SIGNATURE
from tests.support.account import moto_only

ACCOUNT, REGION, NOW = "123456789012", "eu-west-1", datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
FINGERPRINT = "0123456789ab" + "5" * 52
BAKED = Image(
    id="ami-0123456789abcdef0",
    name=images.name("shop", FINGERPRINT, NOW),
    state="available",
    created=NOW + timedelta(minutes=9),
    snapshots=("snap-0123456789abcdef0",),
    owner=ACCOUNT,
    source_image="ami-0000000000000ba5e",
    source_region=REGION,
    source_instance="i-0123456789abcdef0",
    tags={
        **images.tags(
            service="shop",
            stack="shop/dev",
            fingerprint=FINGERPRINT,
            base="ami-0000000000000ba5e",
            base_name="debian-12",
            commit="c" * 40,
            tree="clean",
            baked_at="2026-11-24T06:00:00Z",
        ),
        "phoenix:packages": "f" * 32,
    },
)


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.client("kms", REGION)


def key(kms: Any) -> str:
    arn: str = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture
def trust(kms: Any) -> Trust:
    return Trust(region=REGION, key=key(kms), kms=kms)


def signed(trust: Trust, image: Image = BAKED) -> Image:
    assert trust.kms is not None
    signature = image_trust.sign(trust.kms, trust.key, image, region=trust.region)
    return replace(image, tags={**image.tags, SIGNATURE: signature})


def copied(image: Image) -> Image:
    """As CopyImage leaves one in another account."""
    origin = provenance.Original(account=image.owner, region=REGION, image=image.id, snapshots=image.snapshots)
    return replace(
        image,
        id="ami-0000000000000c0b1",
        created=image.created + timedelta(days=3),
        snapshots=("snap-0000000000000c0b1",),
        owner="222222222222",
        source_image=image.id,
        source_region=REGION,
        source_instance="",
        tags={**image.tags, "phoenix:stack": "shop/prod", COPIED_FROM: str(origin)},
    )


def doubt(trust: Trust, image: Image) -> str:
    [judged] = trust.judge([image])
    return judged.distrust


def test_what_the_bake_signed_is_trusted_and_so_is_its_copy(trust: Trust) -> None:
    assert doubt(trust, signed(trust)) == ""
    elsewhere = replace(trust, region="us-east-1")
    assert doubt(elsewhere, copied(signed(trust))) == ""


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"id": "ami-0fedcba9876543210"}, id="another image"),
        pytest.param({"snapshots": ("snap-0fedcba9876543210",)}, id="another snapshot"),
        pytest.param({"snapshots": (*BAKED.snapshots, "snap-0fedcba9876543210")}, id="one more snapshot"),
        pytest.param({"owner": "999999999999"}, id="another account"),
        pytest.param({"phoenix:service": "payments"}, id="another service"),
        pytest.param({"phoenix:fingerprint": FINGERPRINT[:-1] + "6"}, id="another fingerprint"),
        pytest.param({"phoenix:base": "ami-0fedcba9876543210"}, id="another base"),
        pytest.param({"phoenix:commit": "d" * 40}, id="another commit"),
        pytest.param({"phoenix:tree": "dirty"}, id="another tree"),
        pytest.param({"phoenix:baked-at": "2026-11-24T06:00:01Z"}, id="another time"),
        pytest.param({"phoenix:packages": "e" * 32}, id="other packages"),
        pytest.param({SIGNATURE: "A" * 86}, id="another signature"),
        pytest.param({SIGNATURE: "not one"}, id="no signature at all"),
    ],
)
def test_a_signature_is_for_one_image_and_what_it_was_made_of(trust: Trust, changed: dict[str, Any]) -> None:
    image = signed(trust)
    fields = {name: value for name, value in changed.items() if ":" not in name}
    said = {name: value for name, value in changed.items() if ":" in name}
    assert "signature is" in doubt(trust, replace(image, **fields, tags={**image.tags, **said}))


def test_another_keys_signature_and_none_prove_nothing(trust: Trust, kms: Any) -> None:
    assert "not imageSigningKey's" in doubt(trust, signed(replace(trust, key=key(kms))))
    assert doubt(trust, BAKED) == "it is not signed"
    assert doubt(Trust(region=REGION), BAKED) == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"source_image": ""}, "EC2 says of no image"),
        ({"source_image": "ami-0fedcba9876543210"}, "EC2 says of ami-0fedcba9876543210"),
        ({"source_region": "us-east-1"}, f"EC2 says of {BAKED.id} in us-east-1"),
        ({"source_instance": "i-0fedcba9876543210"}, "made from the server i-0fedcba9876543210, and is no copy"),
    ],
)
def test_a_copy_is_one_by_ec2s_own_records(trust: Trust, changed: dict[str, Any], why: str) -> None:
    """Whoever registers a disk, or changes a server of the original, can put its tags on too."""
    assert why in doubt(trust, replace(copied(signed(trust)), **changed))


def test_a_copys_copy_is_taken_from_where_it_was_baked(trust: Trust) -> None:
    [judged] = trust.judge_originals([copied(signed(trust))], FINGERPRINT)
    assert "imageFrom must say where it was baked" in judged.doubt


def test_without_a_key_too_an_image_is_not_younger_than_ec2_says() -> None:
    ahead = {**BAKED.tags, "phoenix:baked-at": "2036-11-24T06:00:00Z"}
    forged = replace(BAKED, tags=ahead)
    assert "its tag says that it was baked at 2036-11-24T06:00:00Z; EC2 made it at 2026" in forged.distrust
    wanted: Any = {"fingerprint": FINGERPRINT, "now": NOW, "max_age_days": 30}
    assert images.choose_image([forged, BAKED], **wanted) == Reuse(image=BAKED)
    chosen = images.choose_image([forged], **wanted)
    assert isinstance(chosen, Bake) and f"{BAKED.id} is not trusted: its tag says" in chosen.why
    with pytest.raises(StepError, match=f"{BAKED.id} is not trusted"):
        Trust(region=REGION).require(forged)
    # A clock that is a little off forges nothing.
    assert replace(BAKED, created=NOW - timedelta(minutes=4)).distrust == ""


def test_a_forged_image_is_passed_over_for_one_that_is_proved(trust: Trust) -> None:
    proved = signed(trust)
    forged = replace(proved, id="ami-0fedcba9876543210", created=NOW + timedelta(hours=1))
    wanted: Any = {"fingerprint": FINGERPRINT, "now": NOW, "max_age_days": 0}
    found = images.choose_image(trust.judge([forged, proved]), **wanted)
    assert isinstance(found, Reuse) and found.image.id == proved.id
    assert isinstance(images.choose_image(trust.judge([forged]), **wanted), Bake)


def test_a_signature_that_is_about_to_come_is_waited_for(trust: Trust) -> None:
    wanted: Any = {"fingerprint": FINGERPRINT, "max_age_days": 0, "unfinished": timedelta(hours=1)}
    there = trust.judge([BAKED])
    soon = images.decide_reuse(there, now=BAKED.created + timedelta(minutes=1), **wanted)
    assert isinstance(soon, Wait) and soon.why == "is made, and its signature is awaited"
    assert isinstance(images.decide_reuse(there, now=BAKED.created + timedelta(hours=2), **wanted), Bake)


def test_what_another_account_shares_is_judged_by_its_description(trust: Trust) -> None:
    image = signed(trust)
    there = AccountRegion(account=ACCOUNT, region=REGION)

    def seen(text: str) -> Image:
        shown = {"ImageId": image.id, "Name": image.name, "Description": text, "OwnerId": ACCOUNT, "State": "available"}
        disk = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": image.snapshots[0]}}
        page = {"Images": [{**shown, "CreationDate": "2026-11-24T06:09:00.000Z", "BlockDeviceMappings": [disk]}]}
        pages: Any = type("Pages", (), {"paginate": lambda *_, **__: [page]})
        ec2: Any = type("Ec2", (), {"get_paginator": lambda *_: pages()})
        [found] = image_sharing.list_shared(ec2(), there, service="shop")
        return found

    def select(found: Image) -> Image:
        judged = trust.judge_originals([found], FINGERPRINT)
        asked: Any = {"service": "shop", "fingerprint": FINGERPRINT, "account": "2", "max_age_days": 0, "now": NOW}
        return image_sharing.select(judged, there, **asked)

    text = image_sharing.description(image.tags)
    assert select(seen(text)).id == image.id
    with pytest.raises(StepError, match=r"no image of account .* is trusted") as refused:
        select(seen(text.replace("commit=c", "commit=d")))
    assert "imageSigningKey" in refused.value.do and image.id in refused.value.why


def test_what_is_not_known_is_no_proof_either_way(trust: Trust, kms: Any) -> None:
    image = signed(trust)

    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no kms:Verify"}}, "Verify")

    there: Any = type("Kms", (), {"verify": staticmethod(denied)})
    with pytest.raises(StepError, match="it can't be checked who signed") as error:
        replace(trust, kms=there).judge([image])
    assert f"allow kms:Verify on {trust.key}" in error.value.do and "no kms:Verify" in error.value.why


def test_the_statement_is_in_totos_with_slsas_provenance() -> None:
    made = provenance.of(BAKED, region=REGION)
    envelope: Any = made.envelope("A" * 86, key="arn")
    said = json.loads(base64.b64decode(envelope["payload"]))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert (said["_type"], said["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    assert [one["name"] for one in said["subject"]] == [
        f"arn:aws:ec2:eu-west-1:{ACCOUNT}:image/{BAKED.id}",
        f"arn:aws:ec2:eu-west-1:{ACCOUNT}:snapshot/{BAKED.snapshots[0]}",
    ]
    assert made.signed.startswith(b"DSSEv1 28 application/vnd.in-toto+json %d {" % len(made.payload))


def test_the_longest_statement_is_one_that_kms_takes_as_it_is() -> None:
    longest = {**BAKED.tags, "phoenix:service": "s" * 18}
    many = replace(BAKED, tags=longest, snapshots=tuple(f"snap-{number:017x}" for number in range(8)))
    assert len(provenance.of(many, region="us-isob-east-1").signed) <= 4096


@pytest.mark.parametrize("number", [1, 0x7F, 0x80, 0xFF, 2**255 - 1, 2**255, 2**256 - 1])
def test_a_signature_is_the_same_after_its_way(number: int) -> None:
    short = base64.urlsafe_b64encode(number.to_bytes(32, "big") * 2).decode().rstrip("=")
    assert len(short) == 86 and provenance.from_der(provenance.to_der(short)) == short


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"KeyUsage": "ENCRYPT_DECRYPT"}, "it is for ENCRYPT_DECRYPT, of the kind SYMMETRIC_DEFAULT"),
        ({"KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048"}, "it is for SIGN_VERIFY, of the kind RSA_2048"),
        ({"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}, ""),
    ],
)
def test_a_key_of_another_kind_is_told(kms: Any, made: dict[str, Any], why: str) -> None:
    assert image_trust.key_problem(kms, kms.create_key(**made)["KeyMetadata"]["Arn"]) == why


def test_a_key_that_is_disabled_or_nowhere_is_told(kms: Any) -> None:
    mine = key(kms)
    kms.disable_key(KeyId=mine.rpartition("/")[2])
    assert image_trust.key_problem(kms, mine) == "it is Disabled"
    assert "NotFoundException" in image_trust.key_problem(kms, mine[:-12] + "0" * 12)


@pytest.mark.parametrize("text", ["alias/mine", "arn:aws:kms:eu-west-1:123456789012:alias/mine", "none"])
def test_a_key_is_named_by_what_nobody_can_lead_elsewhere(text: str) -> None:
    with pytest.raises(ValueError, match="not the ARN of a KMS key"):
        image_trust.parse_key(text)
