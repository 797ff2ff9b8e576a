"""Rooms that may not import each other agree on the names between them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import image_files, image_sharing, image_trust, images, kms
from core.image_trust import Trust
from core.times import iso
from plan import image_source
from plan.config import settings, user_data
from plan.server_spec import image_fingerprint
from rehearsal import PROJECT
from steps.registry import module_of
from tests.support import factories
from tests.support.account import moto_only
from tests.support.factories import NOW, TOKEN
from tests.support.recorder import Registered, record_main

STEPS = ("bake", "verify", "promote", "retire", "clear", "prune", "share")


@pytest.fixture(scope="module")
def commands() -> Iterator[dict[str, Registered]]:
    """The program's commands by the step that they run."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        moto_only(patch)
        patch.chdir(PROJECT)
        key = boto3.client("kms", "eu-west-1").create_key()["KeyMetadata"]["Arn"]
        done = record_main(
            PROJECT,
            config={
                "aws:region": "eu-west-1",
                "phoenix:previewToken": TOKEN,
                "phoenix:imageKmsKey": key,
                "phoenix:imageSharedWith": '["222222222222"]',
            },
        )
        yield {command.name.split("-")[-1]: command for command in done.all("command:local:Command")}


@pytest.mark.parametrize("step", STEPS)
def test_what_the_program_passes_is_what_a_step_takes(step: str, commands: dict[str, Registered]) -> None:
    given: dict[str, Any] = commands[step].inputs["environment"]
    # Named besides: which options these are, and that no other program's folder is meant.
    assert given["PHOENIX_PROJECT"] == ""
    passed = {name.removeprefix("PHOENIX_").lower() for name in given} - {"options", "project"}
    assert passed == set(given["PHOENIX_OPTIONS"].split())
    options = fields(importlib.import_module(module_of(step)).Options)
    required = {option.name for option in options if option.default is MISSING and option.default_factory is MISSING}
    assert passed <= {option.name for option in options}
    assert required <= passed


def test_what_the_settings_take_as_places_and_keys_the_steps_take_too() -> None:
    made = {item.name: item.metadata["rule"] for item in fields(settings.Settings) if item.metadata}
    for text in ("123456789012", "123456789012/us-gov-west-1"):
        assert (
            made["image_from"](text)
            and image_sharing.parse_account_region(text, region="eu-west-1").account == "123456789012"
        )
    for name in ("arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1", "arn:aws:kms:eu-west-1:123456789012:alias/a/b"):
        assert made["image_kms_key"](name) == kms.parse_key(name)
    key = "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1"
    assert made["image_signing_key"](key) == image_trust.parse_key(key)
    assert made["image_kms_key"](kms.NONE) == kms.parse_key(kms.NONE)


def test_the_application_reads_the_file_that_user_data_writes() -> None:
    unit = (PROJECT / "image" / "common" / "application.conf").read_text()
    assert f"EnvironmentFile=-{user_data.PATH}" in unit


class TwoImages:
    """EC2 with a bake of five days ago, and a copy that was made today of a bake of twenty days ago."""

    def __init__(self, fingerprint: str) -> None:
        self.images = [
            self.image("ami-00000000000000bed", fingerprint, created=5, baked=5),
            self.image("ami-0000000000000c0de", fingerprint, created=0, baked=20),
        ]

    @staticmethod
    def image(ami: str, fingerprint: str, *, created: int, baked: int) -> dict[str, Any]:
        tags = images.tags(
            service="phoenix",
            stack="phoenix/dev",
            fingerprint=fingerprint,
            base="ami-0000000000000ba5e",
            base_name="debian-12",
            commit="c" * 40,
            tree="clean",
            baked_at=iso(NOW - timedelta(days=baked)),
        )
        return {
            "ImageId": ami,
            "State": "available",
            "CreationDate": iso(NOW - timedelta(days=created)),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }

    def get_paginator(self, _operation: str) -> TwoImages:
        return self

    def paginate(self, **_filters: Any) -> list[dict[str, Any]]:
        return [{"Images": self.images}]


@pytest.mark.parametrize("max_age_days", [0, 10])
def test_of_a_bake_and_a_copy_the_plan_and_the_bake_pick_the_same(max_age_days: int) -> None:
    asked = factories.settings(max_age_days=max_age_days)
    wanted = image_fingerprint(image_files.read_image_files(PROJECT / "image"), asked)
    ec2: Any = TwoImages(wanted)
    planned = image_source.select_source(factories.reads(ec2), asked, PROJECT, trust=Trust(region="eu-west-1"), now=NOW)
    decision = images.decide_reuse(
        images.find_images(ec2, {}),
        fingerprint=wanted,
        now=NOW,
        max_age_days=max_age_days,
        unfinished=timedelta(hours=1),
    )
    assert isinstance(decision, images.Reuse)
    assert planned.image == decision.image.id == "ami-00000000000000bed"


def test_of_a_pinned_fingerprints_images_the_plan_and_the_bake_pick_the_same() -> None:
    wanted = "0123456789ab"
    ec2: Any = TwoImages(wanted)
    planned = image_source.select_source(
        factories.reads(ec2), factories.settings(image=wanted), PROJECT, trust=Trust(region="eu-west-1"), now=NOW
    )
    chosen = images.select_pinned(images.of_service(ec2, "phoenix"), wanted, service="phoenix")
    assert planned.image == chosen.id == "ami-00000000000000bed"
