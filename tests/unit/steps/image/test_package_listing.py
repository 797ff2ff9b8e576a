"""A bake goes on when its list of packages can't be stored or is of no use, and says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from core import images
from core.aws import Aws
from core.images import Image
from core.package_store import TAG
from core.progress import Progress
from steps.image import package_listing
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.support.account import moto_only
from tests.unit.steps.cloud import REGION, FakeClock, Wrapped

NAME = f"shop-{'5' * 64}-20261124060000"


@dataclass
class Bench:
    """An image in moto, and the folder in which Packer leaves lists."""

    aws: Aws
    told: io.StringIO = field(default_factory=io.StringIO)

    @property
    def context(self) -> Context:
        clock = FakeClock()
        return Context(aws=self.aws, clock=clock, progress=Progress(clock, stream=self.told), interrupts=Interrupts())

    def image(self, name: str = NAME) -> Image:
        made = self.aws.ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"]
        return images.find_images(self.aws.ec2, {"image-id": made})[0]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bench]:
    moto_only(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".packer").mkdir()
    with mock_aws():
        yield Bench(aws=Aws(boto3.Session(region_name=REGION)))


def listed(bench: Bench, image: Image) -> dict[str, Any]:
    """What the bake's result says of packages, once the image has its list if it can."""
    found = package_listing.attach_list(bench.context, image, service="shop")
    return package_listing.compare(bench.context, found, service="shop", live="").result()


def test_the_list_that_packer_left_becomes_the_images(bench: Bench) -> None:
    package_listing.file(NAME).write_text("adduser 3.134\nopenssl 3.0.14\n")
    assert listed(bench, bench.image())["count"] == 2
    assert "has 2 packages; their list is in /phoenix/shop/images/ami-" in bench.told.getvalue()


def test_who_may_not_store_a_list_has_an_image_all_the_same(bench: Bench) -> None:
    def put_parameter(**_: Any) -> Any:
        error: Any = {"Code": "AccessDeniedException", "Message": "not authorized to perform: ssm:PutParameter"}
        raise ClientError({"Error": error}, "PutParameter")

    package_listing.file(NAME).write_text("openssl 3.0.14\n")
    bench.aws.__dict__["ssm"] = Wrapped(bench.aws.ssm, put_parameter=put_parameter)
    image = bench.image()
    assert listed(bench, image) == {"difference": f"not known: PHX-901: {image.id} has no list of its packages"}
    assert f"warning: PHX-907: the list of packages of {image.id} can't be stored" in bench.told.getvalue()
    assert "not authorized to perform: ssm:PutParameter" in bench.told.getvalue()


@pytest.mark.parametrize(("text", "why"), [("", "it is empty"), ("<html>\n", "is not a package and its version")])
def test_what_is_no_list_is_not_stored(bench: Bench, text: str, why: str) -> None:
    package_listing.file(NAME).write_text(text)
    assert listed(bench, bench.image())["difference"].startswith("not known: ")
    assert "is of no use" in bench.told.getvalue() and why in bench.told.getvalue()
    assert bench.aws.ssm.describe_parameters()["Parameters"] == []


def test_a_list_is_looked_for_only_under_a_name_that_bakes_give(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "else.packages").write_text("openssl 3.0.14\n")
    assert listed(bench, bench.image("../else"))["difference"].startswith("not known: ")


def test_an_image_without_a_list_is_known_to_be_unknown(bench: Bench) -> None:
    image = bench.image()
    assert listed(bench, image) == {"difference": f"not known: PHX-901: {image.id} has no list of its packages"}


def test_the_live_image_found_again_does_not_differ_from_itself(bench: Bench) -> None:
    package_listing.file(NAME).write_text("openssl 3.0.14\n")
    image = package_listing.attach_list(bench.context, bench.image(), service="shop")
    found = package_listing.compare(bench.context, image, service="shop", live=image.id)
    assert (found.count, found.difference) == (1, "no package differs: it is the live image")


def test_a_copys_list_is_not_here_and_its_hash_says_whether_it_is_the_live_ones(bench: Bench) -> None:
    package_listing.file(NAME).write_text("openssl 3.0.14\n")
    live = package_listing.attach_list(bench.context, bench.image(), service="shop")
    copy = bench.image(NAME[:-1] + "1")
    equal, other = (replace(copy, tags={TAG: hashed}) for hashed in (live.tags[TAG], "0" * 12))
    found = package_listing.compare(bench.context, equal, service="shop", live=live.id)
    assert (found.difference, found.compared_with, found.hash) == ("no package differs", live.id, live.tags[TAG])
    found = package_listing.compare(bench.context, other, service="shop", live=live.id)
    assert found.difference == (
        f"not known: PHX-904: the list of packages of {copy.id} is of no use: it is not here (a copy's stays where it"
        " was baked)"
    )


@pytest.mark.parametrize("live", ["gone", "bare"])
def test_a_live_image_that_can_not_be_compared_is_told(bench: Bench, live: str) -> None:
    package_listing.file(NAME).write_text("openssl 3.0.14\n")
    image = package_listing.attach_list(bench.context, bench.image(), service="shop")
    other = bench.image("bare").id if live == "bare" else "ami-0123456789abcdef0"
    found = package_listing.compare(bench.context, image, service="shop", live=other).result()
    code, why = (
        ("PHX-901", "has no list of its packages")
        if live == "bare"
        else ("PHX-902", "is no image of this account any more")
    )
    assert found["difference"] == f"not compared: {code}: {other} {why}" and found["count"] == 1
    assert "comparedWith" not in found


def test_a_very_long_difference_is_told_in_part(bench: Bench) -> None:
    package_listing.file(NAME).write_text("openssl 3.0.14\n")
    old = package_listing.attach_list(bench.context, bench.image(), service="shop")
    newer = NAME[:-1] + "1"
    package_listing.file(newer).write_text(
        "openssl 3.0.14\n" + "".join(f"package-{number:03} 1.0\n" for number in range(99))
    )
    new = package_listing.attach_list(bench.context, bench.image(newer), service="shop")
    package_listing.compare(bench.context, new, service="shop", live=old.id)
    assert bench.told.getvalue().count("] + package-") == package_listing.LINES
    assert "and 59 more; sh steps/run packages tells all of them" in bench.told.getvalue()
