"""Which image servers are born from: reused, baked, or the one that is pinned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import images
from core.errors import UserError
from core.image_trust import Trust
from core.images import Image, list_available
from core.times import iso
from plan.image_source import choose_source, pinned_source, select_source
from tests.support.account import moto_only
from tests.support.factories import NOW, reads, settings


def image(id: str, fingerprint: str, days: float) -> Image:
    tags = images.tags(
        service="phoenix",
        stack="phoenix/dev",
        fingerprint=fingerprint,
        base="ami-0000000000000ba5e",
        base_name="debian-12",
        commit="c" * 40,
        tree="clean",
        baked_at=iso(NOW - timedelta(days=days)),
    )
    return Image(id=id, name="", state="available", created=NOW - timedelta(days=days), tags=tags)


ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
BY_TAG = Trust(region="eu-west-1")
KNOWN = [image("ami-00000002", TWO, 2), image("ami-00000001", ONE, 40)]


@pytest.mark.parametrize(
    ("wanted", "max_age", "words"),
    [
        (TWO, 30, "ami-00000002 is reused: fingerprint 222222222222, 2.0 days old; nothing is baked"),
        (ONE, 30, "baked from scratch: ami-00000001 is 40 days old, maxAgeDays is 30"),
        (ONE, 0, "ami-00000001 is reused: fingerprint 111111111111, 40.0 days old; nothing is baked"),
        (THREE, 30, "baked from scratch: there is none with fingerprint 333333333333"),
    ],
)
def test_reuse_or_bake_and_why(wanted: str, max_age: int, words: str) -> None:
    found = choose_source(KNOWN, wanted, max_age, NOW)
    assert (found.fingerprint, found.description) == (wanted, words)


@pytest.mark.parametrize(
    ("days", "by", "words"),
    [
        (12 / 1440, "pull request 42", "baked 12 min ago by pull request 42"),
        (12 / 1440, "", "baked 12 min ago"),
        (-1, "", "baked 0 s ago"),
        (3, "pull request 42", "3.0 days old, baked by pull request 42"),
    ],
)
def test_it_says_how_old_the_image_is_and_who_baked_it_ahead(days: float, by: str, words: str) -> None:
    made = image("ami-00000003", THREE, days)
    made = replace(made, tags={**made.tags, "phoenix:baked-by": by})
    said = choose_source([made], THREE, 30, NOW).description
    assert said == f"ami-00000003 is reused: fingerprint 333333333333, {words}; nothing is baked"


def test_the_size_of_an_image_that_is_there_is_known() -> None:
    known = [replace(one, root_gib=20) for one in KNOWN]
    assert (
        choose_source(known, TWO, 30, NOW).gib == pinned_source(known, settings(image="ami-00000001"), BY_TAG).gib == 20
    )
    assert choose_source(known, THREE, 30, NOW).gib == 0


def test_where_a_key_is_chosen_another_keys_image_is_baked_anew() -> None:
    kept, wanted = replace(KNOWN[1], tags={**KNOWN[1].tags, "phoenix:kms-key": "arn:1"}), ONE
    assert choose_source([kept], wanted, 0, NOW, key="arn:1").image == "ami-00000001"
    found = choose_source([kept], wanted, 0, NOW, key="none")
    assert (found.needs_bake, found.description) == (
        True,
        "baked from scratch: ami-00000001 was not baked with this imageKmsKey",
    )
    assert choose_source([kept], wanted, 0, NOW).image == "ami-00000001"


@pytest.mark.parametrize("said", ["ami-00000001", ONE[:12], ONE[:20], ONE])
def test_a_pinned_image_is_used_whatever_its_age_and_gives_its_own_fingerprint(said: str) -> None:
    found = pinned_source(KNOWN, settings(image=said), BY_TAG)
    assert found.fingerprint == ONE
    assert "ami-00000001, pinned by its" in found.description


def test_the_first_digits_of_two_fingerprints_name_neither() -> None:
    twin = image("ami-00000003", ONE[:-1] + "0", 3)
    assert pinned_source([*KNOWN, twin], settings(image=ONE), BY_TAG).image == "ami-00000001"
    with pytest.raises(UserError, match="image = '111111111111': must name one image; 2 fingerprints begin") as error:
        pinned_source([*KNOWN, twin], settings(image=ONE[:12]), BY_TAG)
    assert twin.fingerprint in str(error.value) and ONE in str(error.value)


def test_an_image_with_the_same_first_digits_saves_no_bake() -> None:
    assert choose_source([image("ami-00000003", ONE[:-1] + "0", 3)], ONE, 0, NOW).needs_bake


def test_a_pinned_image_that_is_gone_names_those_that_are_there() -> None:
    with pytest.raises(UserError) as error:
        pinned_source(KNOWN, settings(image="ami-99999999"), BY_TAG)
    assert "222222222222 (ami-00000002), 111111111111 (ami-00000001)" in str(error.value)
    assert "pulumi config rm image" in str(error.value)


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.client("ec2", "eu-west-1")


def register(ec2: Any, name: str, **tags: str) -> str:
    made: str = ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"]
    if tags:
        ec2.create_tags(
            Resources=[made],
            Tags=[{"Key": f"phoenix:{key.replace('_', '-')}", "Value": value} for key, value in tags.items()],
        )
    return made


def test_only_images_of_the_service_count_newest_first(ec2: Any) -> None:
    old = register(ec2, "old", service="phoenix", fingerprint="1" * 12, baked_at="2006-01-01T00:00:00Z")
    register(ec2, "other", service="shop", fingerprint="1" * 12, baked_at="2006-03-01T00:00:00Z")
    register(ec2, "bare")
    new = register(ec2, "new", service="phoenix", fingerprint="1" * 12, baked_at="2006-02-01T00:00:00Z")
    undated = register(ec2, "undated", service="phoenix", fingerprint="1" * 12, baked_at="yesterday")
    found = list_available(ec2, service="phoenix")
    # What says no time of its bake is dated by AWS: now.
    assert [one.id for one in found] == [undated, new, old]
    assert {one.root_gib for one in found} == {15}  # every image's size here


def test_without_scripts_there_is_nothing_to_bake(ec2: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="imageDir = 'image': must hold the Packer template"):
        select_source(reads(ec2), settings(), tmp_path, trust=BY_TAG, now=NOW)
