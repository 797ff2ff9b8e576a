"""The bake recognises the files of its plan, and no others, whatever the settings are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core import image_files
from core.errors import StepError
from plan.server_spec import image_fingerprint
from rehearsal import PROJECT
from steps.image import upload
from tests.support.factories import settings

VARIABLES = {"log_target": "a:1", "ssh_from": ("10.0.0.0/8", "10.1.0.0/16"), "instance_type": "m7i.large"}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"packer_variables": VARIABLES},
        {"packer_variables": VARIABLES, "image_from": "111111111111"},
        {"packer_variables": VARIABLES, "image_shared_with": ("111111111111",), "image_kms_key": "none"},
        {"base_image": "al2023", "instance_type": "t4g.small"},
    ],
)
def test_the_files_of_the_plan_are_those_of_the_bake(said: dict[str, Any]) -> None:
    chosen, folder = settings(**said), PROJECT / "image"
    files, _ = upload.read_hashed_files(
        folder,
        fingerprint=image_fingerprint(image_files.read_image_files(folder), chosen),
        base_image=chosen.base_image,
        architecture=chosen.architecture,
        variables=json.loads(json.dumps(dict(chosen.packer_variables))),
    )
    assert files == image_files.read_image_files(folder)


@pytest.mark.parametrize(
    "changed", [{"base_image": "debian-12"}, {"architecture": "arm64"}, {"variables": {"log_target": "b:2"}}]
)
def test_another_bake_than_the_plans_is_refused(changed: dict[str, Any]) -> None:
    chosen, folder = settings(), PROJECT / "image"
    asked: dict[str, Any] = {"base_image": chosen.base_image, "architecture": chosen.architecture, "variables": {}}
    with pytest.raises(StepError, match="are not those of the fingerprint"):
        upload.read_hashed_files(
            folder, fingerprint=image_fingerprint(image_files.read_image_files(folder), chosen), **{**asked, **changed}
        )


def test_a_folder_without_a_template_or_without_files_is_told(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "fingerprint": "0" * 64,
        "base_image": "debian-12",
        "architecture": "x86_64",
        "variables": {},
    }
    shutil.copytree(PROJECT / "image", tmp_path / "image")
    (tmp_path / "image" / "phoenix.pkr.hcl").unlink()
    with pytest.raises(StepError, match=r"there is no Packer template .*image/phoenix\.pkr\.hcl"):
        upload.read_hashed_files(tmp_path / "image", **asked)
    with pytest.raises(StepError, match="there is nothing to bake"):
        upload.read_hashed_files(tmp_path / "none", **asked)
    (tmp_path / "image" / "link").symlink_to("app")
    with pytest.raises(StepError, match="can't be baked") as error:
        upload.read_hashed_files(tmp_path / "image", **asked)
    assert "rm " in error.value.do and "imageDir = ['link']: must not be a symbolic link" in error.value.why


def test_how_the_build_machine_is_reached_is_no_word_about_the_image() -> None:
    upload.refuse_unseen({"PATH": "/bin"})
    with pytest.raises(StepError, match="PKR_VAR_log_target in the environment would change the image"):
        upload.refuse_unseen({"PATH": "/bin", "PKR_VAR_log_target": "logs:514"})
    with pytest.raises(StepError, match="unset PKR_VAR_ssh_username"):
        upload.refuse_unseen({"PKR_VAR_ssh_username": "me"})
