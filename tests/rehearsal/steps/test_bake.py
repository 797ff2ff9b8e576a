"""The steps bake and prune as processes, on the rehearsal's cloud with its stand-in for Packer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core import image_files
from core.fingerprint import fingerprint
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.steps.baking import TOOLS, ended_well, image, run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def image_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "image", tmp_path / "image"))


def step(cloud: Cloud, name: str, **given: str) -> subprocess.CompletedProcess[str]:
    return run(cloud, name, {"base_image": "ubuntu-24.04", **given})


def tags(cloud: Cloud, resource: str) -> dict[str, str]:
    found = cloud.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def running(cloud: Cloud) -> list[str]:
    reservations = cloud.client("ec2").describe_instances()["Reservations"]
    return [
        one["InstanceId"]
        for reservation in reservations
        for one in reservation["Instances"]
        if one["State"]["Name"] not in ("terminated", "shutting-down")
    ]


def left_to_reach_it(cloud: Cloud) -> list[str]:
    """Key pairs and security groups that bakes made."""
    ec2 = cloud.client("ec2")
    return [
        *(one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]),
        *(
            one["GroupId"]
            for one in ec2.describe_security_groups()["SecurityGroups"]
            if one["GroupName"].startswith("packer_")
        ),
    ]


def test_an_image_is_baked_once_and_then_reused_and_can_be_pinned(cloud: Cloud, image_dir: Path) -> None:
    asked = image("", folder=image_dir, base_image="ubuntu-24.04")
    done = step(cloud, "bake", **asked)
    first = ended_well(done)
    assert first["baked"] is True and first["fingerprint"] == asked["fingerprint"]
    assert first["rootDevice"] == "/dev/sda1"
    assert first["baseName"].startswith("ubuntu/images/")
    assert "stand-in" in done.stderr and done.stderr.index("10-operating-system") < done.stderr.index("90-sealing")

    made = cloud.client("ec2").describe_images(ImageIds=[first["image"]])["Images"][0]
    snapshot = made["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    carried = tags(cloud, first["image"])
    assert carried == tags(cloud, snapshot)
    assert carried == {
        "phoenix:service": "phoenix",
        "phoenix:stack": "phoenix/dev",
        "phoenix:fingerprint": first["fingerprint"],
        "phoenix:base": first["base"],
        "phoenix:base-name": first["baseName"],
        "phoenix:commit": first["commit"],
        "phoenix:tree": first["tree"],
        "phoenix:baked-at": first["bakedAt"],
        "phoenix:base-date": first["baseDate"],
    }
    assert made["ImdsSupport"] == "v2.0"
    assert running(cloud) == []
    assert left_to_reach_it(cloud) == []
    # Processes have no packages, and the stand-in for Packer does not make any up.
    assert first["packages"] == {"difference": f"not known: PHX-901: {first['image']} has no list of its packages"}

    again = ended_well(step(cloud, "bake", **asked))
    assert again == {**first, "baked": False}
    pinned = ended_well(step(cloud, "bake", image=first["image"], fingerprint="f" * 64))
    assert pinned == {**first, "baked": False}
    pruned = ended_well(step(cloud, "prune", image_keep="1"))
    assert pruned == {
        "deregistered": [],
        "groups": [],
        "kept": [first["image"]],
        "leftovers": [],
        "lists": [],
        "snapshots": [],
        "orphans": [],
    }


def test_a_script_that_fails_fails_the_bake_and_leaves_nothing(cloud: Cloud, image_dir: Path) -> None:
    (image_dir / "provision" / "35-secrets.sh").write_text("#!/bin/sh\nif true; then\n")
    before = cloud.client("ec2").describe_images(Owners=["self"])["Images"]
    asked = image("", folder=image_dir)
    done = step(cloud, "bake", **asked)
    assert done.returncode == 1 and done.stdout == ""
    assert "packer build failed with exit code 1" in done.stderr
    assert "Syntax error" in done.stderr or "syntax error" in done.stderr
    assert f"read {ROOT}/.packer/phoenix-{asked['fingerprint']}-" in done.stderr
    assert running(cloud) == []
    assert left_to_reach_it(cloud) == []
    assert cloud.client("ec2").describe_images(Owners=["self"])["Images"] == before


def test_a_variable_that_the_template_does_not_have_is_told(cloud: Cloud, image_dir: Path) -> None:
    variables = {"log_colector": "x"}
    mine = fingerprint(
        image_files.read_image_files(image_dir), base_image="debian-12", architecture="x86_64", variables=variables
    )
    done = step(
        cloud, "bake", **{**image("", folder=image_dir), "fingerprint": mine, "packer_variables": json.dumps(variables)}
    )
    assert done.returncode == 1 and "the image's templates have no variable log_colector" in done.stderr
    assert "pulumi config rm --path packerVariables.log_colector" in done.stderr and "packer build" not in done.stderr


def test_what_is_baked_is_not_in_packers_arguments(cloud: Cloud, image_dir: Path, tmp_path: Path) -> None:
    """Everybody on the machine can read those, while a bake runs."""
    seen = tmp_path / "seen"
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "packer").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {seen}\n'
        f'case "$3" in -var-file=*) ls -l "${{3#-var-file=}}" >> {seen};; esac\n'
        f'exec {TOOLS / "packer"} "$@"\n'
    )
    (tools / "packer").chmod(0o755)
    made = ended_well(run(cloud, "bake", image("argv", folder=image_dir), tools=tools))
    _, _, build, file = seen.read_text().splitlines()
    name = re.search(r"phoenix-[0-9a-f]+-\d+", build)
    assert name is not None and made["image"] not in build
    assert build == f"build -color=false -var-file={ROOT}/.packer/{name[0]}.pkrvars.json {ROOT}/.packer/{name[0]}"
    assert file.startswith("-rw-------")
    assert not (ROOT / ".packer" / f"{name[0]}.pkrvars.json").exists()


def test_a_pinned_image_that_does_not_exist_is_told_and_nothing_is_baked(cloud: Cloud) -> None:
    done = step(cloud, "bake", image="333333333333", fingerprint="0" * 64)
    assert done.returncode == 1
    assert "no available image 333333333333" in done.stderr and "packer" not in done.stderr


def test_a_packer_variable_that_no_fingerprint_tells_of_is_refused(cloud: Cloud, image_dir: Path) -> None:
    asked = image("unseen", folder=image_dir)
    done = run(cloud, "bake", asked, PKR_VAR_log_collector="syslog-ng")
    assert done.returncode == 1 and "PKR_VAR_log_collector in the environment would change the image" in done.stderr
    assert "pulumi config set --path packerVariables.log_collector VALUE" in done.stderr


def test_what_changed_since_the_plan_is_not_baked(cloud: Cloud, image_dir: Path) -> None:
    asked = image("changed", folder=image_dir)
    (image_dir / "provision" / "30-unseen.sh").write_text("#!/bin/sh\n")
    done = step(cloud, "bake", **asked)
    assert done.returncode == 1
    assert f"are not those of the fingerprint {asked['fingerprint'][:12]}" in done.stderr
    assert "run `pulumi up` again: its plan reads them anew" in done.stderr
    assert running(cloud) == []


# A Packer that says where it is and what it was given, and then fails.
LOOKS = """#!/bin/sh
case $1 in version) echo "Packer v1.16.0"; exit 0 ;; init) exit 0 ;; esac
for argument; do
  case $argument in
    -var-file=*) sed -n 's/^ *"\\(image_dir\\)": "\\(.*\\)",*$/\\1 \\2/p' "${argument#-var-file=}" ;;
  esac
done
echo "in $PWD, template $argument"
find . -mindepth 1 -printf 'has %P %m\\n'
exit 1
"""


def test_packer_gets_the_files_that_were_hashed_and_nothing_else(cloud: Cloud, image_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "packer").write_text(LOOKS)
    (tmp_path / "bin" / "packer").chmod(0o755)
    (image_dir / "app").chmod(0o700)
    (image_dir / "common" / "application.conf").chmod(0o600)
    (image_dir / "app" / "empty").mkdir()
    asked = image("looks", folder=image_dir)
    done = run(cloud, "bake", asked, tools=tmp_path / "bin")
    said = [line.partition("packer: ")[2] for line in done.stderr.splitlines() if "packer: " in line]
    folder = next(line for line in said if line.startswith("image_dir ")).split()[1]
    assert folder.startswith(f"{ROOT}/.packer/phoenix-{asked['fingerprint']}-")
    assert f"in {folder}, template {folder}" in said
    has = {line.split()[1]: line.split()[2] for line in said if line.startswith("has ")}
    assert {name for name in has if "." in name} == set(image_files.read_image_files(image_dir))
    assert (has["app"], has["common/application.conf"], "app/empty" in has) == ("755", "644", False)
    assert not Path(folder).exists()
