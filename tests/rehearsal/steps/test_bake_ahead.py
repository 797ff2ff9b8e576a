"""`make bake`: the image of an update that is yet to come, which the update then finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.steps.baking import TOOLS
from tools import bake

CONFIG: dict[str, Any] = {
    "aws:region": {"value": "eu-west-1", "secret": False},
    "phoenix:active": {"value": "blue", "secret": False},
    "phoenix:canarySteps": {"value": "[5,25]", "objectValue": [5, 25], "secret": False},
    "phoenix:packerVariables": {"value": "{}", "objectValue": {"log_target": "x:24224"}, "secret": False},
    "phoenix:previewToken": {"secret": True},
}
SUBNET = "subnet-0123456789abcdef0"
STATE = {
    "deployment": {
        "resources": [
            {"type": "aws:ec2/vpc:Vpc", "inputs": {}},
            {"type": "command:local:Command", "inputs": {"environment": {"PHOENIX_SUBNET_ID": SUBNET}}},
            {"type": "command:local:Command", "inputs": {"environment": {"PHOENIX_COLOR": "blue"}}},
        ]
    }
}


def test_settings_are_read_as_the_program_reads_them() -> None:
    settings = bake.read_settings("dev", CONFIG, project="phoenix")
    assert (settings.region, settings.canary_steps) == ("eu-west-1", (5, 25))
    assert settings.packer_variables == {"log_target": "x:24224"}
    wrong = {**CONFIG, "phoenix:minSize": {"value": "-1"}, "phoenix:colour": {"value": "blue"}}
    with pytest.raises(UserError) as error:
        bake.read_settings("dev", wrong, project="phoenix")
    assert "minSize" in str(error.value) and "colour" in str(error.value)


@pytest.mark.parametrize(("state", "expected"), [(STATE, SUBNET), ({}, ""), ({"deployment": None}, "")])
def test_it_bakes_where_the_stack_did(state: dict[str, Any], expected: str) -> None:
    assert bake.recorded_subnet(state) == expected


def ahead(cloud: Cloud, folder: Path, *, state: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    said = {"config": {**CONFIG, "aws:region": {"value": cloud.region}}, "state": state}
    for name, text in said.items():
        (folder / name).write_text(json.dumps(text))
    pulumi = folder / "pulumi"
    pulumi.write_text(f"#!/bin/sh\ncase $1 in config) cat {folder}/config ;; *) cat {folder}/state ;; esac\n")
    pulumi.chmod(0o755)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PHOENIX_"))},
        **cloud.environment,
        "PATH": f"{folder}:{TOOLS}:{os.environ['PATH']}",
        "PHOENIX_PYTHON": sys.executable,
        "PHOENIX_BAKED_BY": "pull request 42",
    }
    return subprocess.run(
        [sys.executable, "-m", "tools.bake", "ahead"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_second_time_it_is_there(cloud: Cloud, tmp_path: Path) -> None:
    first = ahead(cloud, tmp_path, state={})
    assert first.returncode == 0, first.stderr
    assert "baked from scratch" in first.stderr
    made = json.loads(first.stdout)["image"]
    tags = {
        tag["Key"]: tag["Value"] for tag in cloud.client("ec2").describe_images(ImageIds=[made])["Images"][0]["Tags"]
    }
    assert (tags["phoenix:stack"], tags["phoenix:baked-by"]) == ("phoenix/ahead", "pull request 42")
    again = ahead(cloud, tmp_path, state={})
    assert again.returncode == 0 and json.loads(again.stdout)["image"] == made
    assert "baked from scratch" not in again.stderr and "packer:" not in again.stderr


def test_a_setting_that_is_wrong_is_told_before_anything(cloud: Cloud, tmp_path: Path) -> None:
    wrong = {**CONFIG, "phoenix:baseImage": {"value": "windows-95"}}
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(wrong)}\nEND\n")
    (tmp_path / "pulumi").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "tools.bake", "ahead"],
        cwd=PROJECT,
        env={**os.environ, **cloud.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "baseImage" in done.stderr and "Traceback" not in done.stderr
