"""What is baked: scripts that anybody can read, in an order that holds, and a template that Packer accepts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from components.rules import BASE_IMAGES
from components.user_data import PATH
from rehearsal.workshop import LOG_COLLECTOR, PROJECT
from steps.base_image import VENDORS

IMAGE = PROJECT / "image"
SCRIPTS = sorted(IMAGE.glob("*/*.sh"))
TEMPLATE = (IMAGE / "phoenix.pkr.hcl").read_text()


def names(folder: str) -> list[str]:
    return [path.name for path in SCRIPTS if path.parent.name == folder]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_script_stops_at_the_first_error_and_says_what_it_is_for(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert re.match(r"# [A-Z].{20,}", lines[1]), "the second line says what the script is for"
    code = [line for line in lines if line and not line.startswith("#")]
    assert code[0] == "set -eu"


def test_the_order_is_in_the_names_and_the_log_collector_has_its_place_in_it() -> None:
    assert names("provision") == [
        "10-operating-system.sh", "20-tomcat.sh", "40-application.sh", "80-hardening.sh", "90-sealing.sh"]
    assert names("optional") == [LOG_COLLECTOR]
    assert names("provision")[1] < LOG_COLLECTOR < names("provision")[2]
    assert {name.split("-")[0] for name in names("inspect")} == {"10", "30", "40", "80"}


def test_every_base_image_that_settings_know_is_one_that_the_bake_finds() -> None:
    assert set(BASE_IMAGES) == set(VENDORS)


def test_the_application_reads_the_file_that_user_data_writes() -> None:
    unit = (IMAGE / "app" / "tomcat.service.conf").read_text()
    assert f"EnvironmentFile=-{PATH}" in unit
    assert "After=cloud-init.service" in unit


def test_no_secret_and_no_image_of_ours_is_in_the_template() -> None:
    assert not re.search(r"access_key|secret_key|AKIA|source_ami_filter", TEMPLATE)
    assert "source_ami    = var.source_ami" in TEMPLATE


@pytest.mark.parametrize("line", [
    'shutdown_behavior                     = "terminate"',
    "encrypted             = true",
    'volume_type           = "gp3"',
    'imds_support                              = "v2.0"',
    'http_tokens                 = "required"',
    "tags            = var.tags",
    "snapshot_tags   = var.tags",
    "run_tags        = var.tags",
    "run_volume_tags = var.tags",
])
def test_the_template_says(line: str) -> None:
    assert line in TEMPLATE


@pytest.mark.skipif(shutil.which("packer") is None, reason="packer is not installed")
@pytest.mark.parametrize("command", [["fmt", "-check"], ["validate", "-syntax-only"]], ids=lambda said: said[0])
def test_packer_accepts_the_template(command: list[str]) -> None:
    done = subprocess.run(
        ["packer", *command, str(IMAGE / "phoenix.pkr.hcl")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
