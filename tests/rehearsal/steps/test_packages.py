"""Packages from a bake to the plan and the outputs, on the rehearsal's cloud, with a Packer that brings a list home."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from plan import rollout_plan
from plan.image_source import ImageSource
from plan.readers.reads import Reads
from plan.report import package_diff
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.steps.baking import TOOLS, ended_well, image, run
from tests.support.factories import NOW, group, live, recipe, settings

FIRST, NEXT = image("first"), image("next")
OLD, NEW = FIRST["fingerprint"], NEXT["fingerprint"]
# What an installation might say; the real scripts are not run here.
LISTS = {
    OLD: "adduser 3.134\nnano 7.2-1\nopenssl 3.0.14-1\n",  # an older version of this program wrote it
    NEW: "# deb debian 12\nadduser 3.134 all\nopenssl 3.0.15-1 amd64\nsyslog-ng 3.38.1-5 amd64\n",
}
DIFFERENCE = ["+ syslog-ng 3.38.1-5", "- nano 7.2-1", "~ openssl 3.0.14-1 -> 3.0.15-1"]

# The rehearsal's stand-in for Packer, which then does what the template's download does.
PACKER = """#!/bin/sh
set -eu
{stand_in} "$@"
[ "$1" = build ] || exit 0
for argument; do
  case $argument in
    -var-file=*) cat "$PACKER_LIST" >"$(sed -n 's/^ *"packages": "\\(.*\\)",*$/\\1/p' "${{argument#-var-file=}}")" ;;
  esac
done
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that Packer."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "packer").write_text(PACKER.format(stand_in=shlex.quote(str(TOOLS / "packer"))))
    (folder / "packer").chmod(0o755)
    return folder


def step(cloud: Cloud, tools: Path, name: str, **given: str) -> subprocess.CompletedProcess[str]:
    listing = tools / "list"
    listing.write_text(LISTS.get(given.get("fingerprint", ""), ""))
    return run(cloud, name, given, tools=tools, PACKER_LIST=str(listing))


@pytest.fixture(scope="module")
def bakes(cloud: Cloud, tools: Path) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """The image that is live, and the bake of the next one."""
    first = ended_well(step(cloud, tools, "bake", **FIRST))
    return first, step(cloud, tools, "bake", **NEXT, live_image=first["image"])


def test_the_first_bake_has_nothing_to_compare_with(bakes: Any) -> None:
    first, _ = bakes
    assert first["packages"]["count"] == 3
    assert first["packages"]["difference"] == "nothing is live to compare with"


def test_a_bake_tells_each_difference_and_leaves_a_summary(cloud: Cloud, bakes: Any) -> None:
    first, done = bakes
    result = ended_well(done)
    assert result["packages"] == {
        "count": 3,
        "hash": result["packages"]["hash"],
        "comparedWith": first["image"],
        "difference": ", ".join(DIFFERENCE),
    }
    told = [line.partition("] ")[2] for line in done.stderr.splitlines()]
    start = told.index(DIFFERENCE[0])
    assert told[start : start + 4] == [
        *DIFFERENCE,
        f"packages beside {first['image']}, which is live: {', '.join(DIFFERENCE)}",
    ]
    described = cloud.client("ec2").describe_images(ImageIds=[result["image"]])["Images"][0]["Tags"]
    assert {"Key": "phoenix:packages", "Value": result["packages"]["hash"]} in described


def test_by_hand_all_packages_and_all_differences_are_told(cloud: Cloud, tools: Path, bakes: Any) -> None:
    first, done = bakes
    both = step(cloud, tools, "packages", image=NEW, compared_with=OLD)
    assert ended_well(both) == {
        "image": ended_well(done)["image"],
        "comparedWith": first["image"],
        "difference": DIFFERENCE,
    }
    alone = ended_well(step(cloud, tools, "packages", image=first["image"]))
    assert alone["packages"] == {"adduser": "3.134", "nano": "7.2-1", "openssl": "3.0.14-1"}


def test_by_hand_an_image_has_a_bill_of_materials(cloud: Cloud, tools: Path, bakes: Any) -> None:
    done = step(cloud, tools, "packages", image=NEW, format="cyclonedx")
    bill = ended_well(done)
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(done.stdout) is None
    assert bill["metadata"]["component"]["bom-ref"] == ended_well(bakes[1])["image"]
    assert [one["purl"] for one in bill["components"]] == [
        "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12",
        "pkg:deb/debian/openssl@3.0.15-1?arch=amd64&distro=debian-12",
        "pkg:deb/debian/syslog-ng@3.38.1-5?arch=amd64&distro=debian-12",
    ]


def test_a_bill_that_would_be_wrong_is_refused(cloud: Cloud, tools: Path, bakes: Any) -> None:
    refused = step(cloud, tools, "packages", image=OLD, format="cyclonedx")
    assert refused.returncode == 1 and "does not say of which system they are" in refused.stderr
    both = step(cloud, tools, "packages", image=NEW, compared_with=OLD, format="cyclonedx")
    assert both.returncode == 1 and "a bill of materials is of one image" in both.stderr
    other = step(cloud, tools, "packages", image=NEW, format="spdx")
    assert other.returncode == 1 and "--format 'spdx': neither json nor cyclonedx" in other.stderr


def test_a_bake_that_died_before_its_list_is_healed_by_the_next_one(cloud: Cloud, tools: Path, bakes: Any) -> None:
    first, done = bakes
    image = ended_well(done)["image"]
    cloud.client("ec2").delete_tags(Resources=[image], Tags=[{"Key": "phoenix:packages"}])
    unknown = step(cloud, tools, "packages", image=NEW)
    assert unknown.returncode == 1 and f"{image} has no list of its packages" in unknown.stderr
    again = ended_well(step(cloud, tools, "bake", **NEXT, live_image=first["image"]))
    assert again == {**ended_well(done), "baked": False}


# The plan, before anything is done.


def planned(cloud: Cloud, *, live_image: str, born: str) -> tuple[str, ...]:
    serving = replace(group("blue", OLD), image=live_image)
    flown = rollout_plan.decide_rollout(settings(active="green"), recipe(NEW), live(serving), now=NOW)
    its = Reads(boto3.Session(cloud.access_key, "test", region_name=cloud.region))
    return package_diff.package_lines(
        its, flown, ImageSource(NEW, "", image=born, needs_bake=not born), service="phoenix"
    )


@pytest.fixture
def endpoint(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)


@pytest.mark.usefixtures("endpoint")
def test_the_plan_of_a_reuse_shows_what_differs_from_what_is_live(cloud: Cloud, bakes: Any) -> None:
    first, done = bakes
    assert planned(cloud, live_image=first["image"], born=ended_well(done)["image"]) == tuple(DIFFERENCE)


@pytest.mark.usefixtures("endpoint")
def test_the_plan_of_a_bake_promises_nothing(cloud: Cloud, bakes: Any) -> None:
    first, _ = bakes
    assert planned(cloud, live_image=first["image"], born="") == (
        f"compared with those of {first['image']}, which is live, when the image is baked",
    )


@pytest.mark.usefixtures("endpoint")
def test_the_plan_says_when_it_does_not_know(cloud: Cloud, bakes: Any) -> None:
    first, _ = bakes
    bare = cloud.client("ec2").register_image(Name="bare", RootDeviceName="/dev/xvda")["ImageId"]
    assert planned(cloud, live_image=bare, born=first["image"]) == (
        f"not compared: PHX-901: {bare} has no list of its packages",
    )
    assert planned(cloud, live_image=bare, born="") == (f"not compared: PHX-901: {bare} has no list of its packages",)
    gone = "ami-0123456789abcdef0"
    assert planned(cloud, live_image=gone, born=first["image"]) == (
        f"not compared: PHX-902: {gone} is no image of this account any more",
    )


@pytest.mark.usefixtures("endpoint")
def test_the_live_image_born_again_needs_no_list(cloud: Cloud) -> None:
    assert planned(cloud, live_image="ami-1", born="ami-1") == ("none differs: ami-1 is live",)


def test_nobody_born_or_nobody_live_is_nothing_to_compare() -> None:
    nobody: Any = None
    stands = rollout_plan.decide_rollout(settings(), recipe(OLD), live(group("blue", OLD)), now=NOW)
    first = rollout_plan.decide_rollout(settings(), recipe(OLD), live(), now=NOW)
    for flown in (stands, first):
        assert package_diff.package_lines(nobody, flown, ImageSource(OLD, "", image="ami-1"), service="phoenix") == ()


def test_a_plan_stays_short() -> None:
    many = [f"+ package-{number} 1" for number in range(package_diff.LINES + 5)]
    assert package_diff.summarize(many)[:-1] == tuple(many[: package_diff.LINES])
    assert package_diff.summarize(many)[-1] == "and 5 more (sh steps/run packages tells all of them)"
    assert package_diff.summarize(many[: package_diff.LINES]) == tuple(many[: package_diff.LINES])
