"""The steps bake and prune as processes, on the rehearsal's cloud with its stand-in for Packer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rehearsal.cloud import Cloud
from tests.baking import cloud, ended_well, run

__all__ = ["cloud"]

ROOT = Path(__file__).parents[1]
FINGERPRINT = "0123456789ab"


@pytest.fixture
def image_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "image", tmp_path / "image"))


def step(cloud: Cloud, name: str, **given: str) -> subprocess.CompletedProcess[str]:
    return run(cloud, name, {"base_image": "ubuntu-24.04", "fingerprint": FINGERPRINT, **given})


def tags(cloud: Cloud, resource: str) -> dict[str, str]:
    found = cloud.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def running(cloud: Cloud) -> list[str]:
    reservations = cloud.client("ec2").describe_instances()["Reservations"]
    return [
        one["InstanceId"] for reservation in reservations for one in reservation["Instances"]
        if one["State"]["Name"] not in ("terminated", "shutting-down")
    ]


def test_an_image_is_baked_once_and_then_reused_and_can_be_pinned(cloud: Cloud, image_dir: Path) -> None:
    done = step(cloud, "bake", image_dir=str(image_dir))
    first = ended_well(done)
    assert first["baked"] is True and first["fingerprint"] == FINGERPRINT and first["rootDevice"] == "/dev/sda1"
    assert first["baseName"].startswith("ubuntu/images/")
    assert "stand-in" in done.stderr and done.stderr.index("10-operating-system") < done.stderr.index("90-sealing")

    image = cloud.client("ec2").describe_images(ImageIds=[first["image"]])["Images"][0]
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    carried = tags(cloud, first["image"])
    assert carried == tags(cloud, snapshot)
    assert carried == {
        "phoenix:service": "phoenix", "phoenix:stack": "phoenix/dev", "phoenix:fingerprint": FINGERPRINT,
        "phoenix:base": first["base"], "phoenix:base-name": first["baseName"], "phoenix:commit": first["commit"],
        "phoenix:tree": first["tree"], "phoenix:baked-at": first["bakedAt"], "phoenix:base-date": first["baseDate"],
    }
    assert running(cloud) == []
    # Processes have no packages, and the stand-in for Packer does not make any up.
    assert first["packages"] == {"difference": f"not known: {first['image']} has no list of its packages"}

    again = ended_well(step(cloud, "bake", image_dir=str(image_dir)))
    assert again == {**first, "baked": False}
    pinned = ended_well(step(cloud, "bake", image=first["image"], fingerprint="ffffffffffff"))
    assert pinned == {**first, "baked": False}
    pruned = ended_well(step(cloud, "prune", image_keep="1"))
    assert pruned == {
        "deregistered": [], "groups": [], "kept": [first["image"]], "leftovers": [], "lists": [], "snapshots": [],
        "strays": []}


def test_a_script_that_fails_fails_the_bake_and_leaves_nothing(cloud: Cloud, image_dir: Path) -> None:
    (image_dir / "provision" / "20-tomcat.sh").write_text("#!/bin/sh\nif true; then\n")
    before = cloud.client("ec2").describe_images(Owners=["self"])["Images"]
    done = step(cloud, "bake", image_dir=str(image_dir), fingerprint="111111111111")
    assert done.returncode == 1 and done.stdout == ""
    assert "packer build failed with exit code 1" in done.stderr
    assert "Syntax error" in done.stderr or "syntax error" in done.stderr
    assert f"read {ROOT}/.packer/phoenix-111111111111-" in done.stderr
    assert running(cloud) == []
    assert cloud.client("ec2").describe_images(Owners=["self"])["Images"] == before


def test_a_variable_that_the_template_does_not_have_is_told(cloud: Cloud, image_dir: Path) -> None:
    done = step(
        cloud, "bake", image_dir=str(image_dir), fingerprint="222222222222", packer_variables='{"log_colector": "x"}'
    )
    assert done.returncode == 1 and "undefined -var variable: log_colector" in done.stderr


def test_a_pinned_image_that_does_not_exist_is_told_and_nothing_is_baked(cloud: Cloud) -> None:
    done = step(cloud, "bake", image="333333333333")
    assert done.returncode == 1
    assert "no available image 333333333333" in done.stderr and "packer" not in done.stderr
