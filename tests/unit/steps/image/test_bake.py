"""What a bake is told and tells: its options, and Packer's variables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import StepError
from steps.image import bake
from steps.runtime import options
from tests.unit.core.test_images import ACCOUNT, FINGERPRINT, REGION, VENDORS, tags


def given(**changed: str) -> bake.Options:
    environment = {
        "PHOENIX_STACK": "phoenix/dev",
        "PHOENIX_ACCOUNT": ACCOUNT,
        "PHOENIX_REGION": REGION,
        "PHOENIX_SERVICE": "phoenix",
        "PHOENIX_FINGERPRINT": FINGERPRINT,
        "PHOENIX_BASE_IMAGE": "debian-12",
        **{f"PHOENIX_{key.upper()}": value for key, value in changed.items()},
    }
    return options.read_options(bake.Options, step="bake", about="", arguments=[], environment=environment)


def variables(**changed: str) -> dict[str, Any]:
    return bake.packer_variables(
        given(**changed), VENDORS, name="phoenix-1", tags=tags(), manifest=Path("/m.json"), folder=Path("/staged")
    )


def test_packer_is_told_what_the_base_needs() -> None:
    told = variables()
    assert told["source_ami"] == VENDORS.id
    assert (told["ssh_username"], told["root_device"], told["root_gib"]) == ("admin", "/dev/xvda", 8)
    assert told["tags"] == tags()


@pytest.mark.parametrize(("architecture", "expected"), [("x86_64", "t3.small"), ("arm64", "t4g.small")])
def test_the_build_instance_fits_the_architecture(architecture: str, expected: str) -> None:
    assert variables(architecture=architecture)["instance_type"] == expected
    assert variables(architecture=architecture, instance_type="m7g.large")["instance_type"] == "m7g.large"


def test_the_users_own_variables_reach_packer() -> None:
    told = variables(packer_variables=json.dumps({"log_collector": "syslog-ng", "ssh_username": "me"}))
    assert (told["log_collector"], told["ssh_username"]) == ("syslog-ng", "me")


def test_paths_are_those_of_the_folder_that_packer_runs_in() -> None:
    assert variables()["image_dir"] == "/staged"


@pytest.mark.parametrize("name", ["source_ami", "tags", "ami_name"])
def test_the_users_own_variables_do_not_decide_which_image_it_is(name: str) -> None:
    with pytest.raises(StepError, match=f"the bake itself decides {name}"):
        given(packer_variables=json.dumps({name: "anything"}))


def test_a_base_whose_user_nobody_knows_needs_to_be_told() -> None:
    stranger = replace(VENDORS, name="company-linux-7")
    asked = given(base_image="/golden/image")
    with pytest.raises(StepError, match=r"packerVariables\.ssh_username"):
        bake.packer_variables(
            asked, stranger, name="phoenix-1", tags=tags(), manifest=Path("/m.json"), folder=Path("/staged")
        )


def test_the_options_are_told_when_they_are_wrong() -> None:
    with pytest.raises(StepError) as error:
        given(architecture="sparc", base_image="windows", fingerprint="xyz", max_age_days="-1")
    for name in ("--architecture 'sparc'", "--base-image 'windows'", "--fingerprint 'xyz'", "--max-age-days '-1'"):
        assert name in str(error.value)
