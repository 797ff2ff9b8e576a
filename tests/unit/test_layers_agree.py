"""Rooms that may not import each other agree on the names between them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import image_sharing, kms
from plan import user_data
from plan.config import settings
from rehearsal import PROJECT
from steps.registry import module_of
from tests.support.account import moto_only
from tests.support.factories import TOKEN
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
    assert made["image_kms_key"](kms.NONE) == kms.parse_key(kms.NONE)


def test_the_application_reads_the_file_that_user_data_writes() -> None:
    unit = (PROJECT / "image" / "app" / "tomcat.service.conf").read_text()
    assert f"EnvironmentFile=-{user_data.PATH}" in unit
