"""Mistakes in the configuration: each is refused before anything is touched, in words that heal it once typed."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.faults.trial import Trial

SECRET = "hunter2-hunter2-hunter2"


def file(trial: Trial) -> Path:
    """The stack's file, where whoever makes a mistake edits it."""
    return trial.stack.shop.folder / "Pulumi.local.yaml"


def edit(trial: Trial, old: str, new: str) -> None:
    text = file(trial).read_text()
    assert old in text
    file(trial).write_text(text.replace(old, new))


def user_data(trial: Trial) -> str:
    """What servers of the new color are born with."""
    born = trial.born()
    assert born is not None
    template, version = born.template.split(":")
    [found] = trial.stack.cloud.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template, Versions=[version]
    )["LaunchTemplateVersions"]
    return base64.b64decode(found["LaunchTemplateData"]["UserData"]).decode()


@pytest.mark.representative("forward")
def test_a_stacks_file_of_another_project(trial: Trial) -> None:
    """Copied, or left behind when the project was renamed: without its keys all would be defaults."""
    trial.change()
    edit(trial, "phoenix:", "shop:")
    groups = trial.stack.groups()
    said = trial.refused(
        f"shop:active = '{trial.new}': has no effect: keys of this program are those of its project, phoenix",
        f"type: pulumi config set phoenix:active {trial.new} && pulumi config rm shop:active",
        "type: pulumi config get shop:previewToken | pulumi config set --secret phoenix:previewToken",
    )
    assert trial.stack.token not in said
    assert trial.stack.groups() == groups
    if trial.ending == "forward":
        edit(trial, "shop:", "phoenix:")
    trial.ends()


def test_a_secret_where_none_can_stay_one(trial: Trial) -> None:
    trial.change()
    trial.stack.engine.config_set("environment.PASSWORD", SECRET, secret=True, path=True)
    said = trial.refused(
        "environment.PASSWORD = '[secret]': must not hold a secret: user data can be read",
        "pulumi config set --plaintext --path environment.PASSWORD ssm:/PASSWORD",
    )
    assert SECRET not in said
    if trial.ending == "forward":
        trial.stack.engine.config_set("environment.PASSWORD", "ssm:/PASSWORD", path=True)
    trial.ends()
    if trial.ending == "forward":
        assert r"\"PASSWORD\": \"ssm:/PASSWORD\"" in user_data(trial), "among the names of secrets"


def test_a_version_that_yaml_takes_for_a_number(trial: Trial) -> None:
    trial.change()
    edit(trial, "    REHEARSAL_FAULT: none\n", "    REHEARSAL_FAULT: none\n    VERSION: 1.10\n")
    trial.refused(
        "environment.VERSION = '1.10': must be written as a text; YAML takes it for the number 1.1",
        'type: pulumi config set --path environment.VERSION 1.10   (or quote it in Pulumi.local.yaml: VERSION: "1.10")',
    )
    if trial.ending == "forward":
        trial.stack.engine.config_set("environment.VERSION", "1.10", path=True)
    trial.ends()
    if trial.ending == "forward":
        assert 'VERSION=\\"1.10\\"' in user_data(trial)


def test_a_disk_that_is_smaller_than_the_image(trial: Trial) -> None:
    """The variables of the bake are a number and a list, as the template has them."""
    trial.change(packerVariables={"root_gib": 12, "ssh_from": ["10.0.0.0/8"]})
    trial.refused(
        "rootVolumeGiB = 10: must be at least packerVariables.root_gib (12 GiB)",
        "type: pulumi config set rootVolumeGiB 12",
    )
    if trial.ending == "forward":
        trial.stack.set(rootVolumeGiB=12)
    trial.ends()
    if trial.ending == "forward":
        images = trial.stack.cloud.client("ec2").describe_images(Owners=["self"])["Images"]
        assert 12 in {image["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] for image in images}
        trial.stack.set(rootVolumeGiB=10, packerVariables={"root_gib": 8})
