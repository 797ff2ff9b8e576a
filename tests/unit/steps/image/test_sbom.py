"""The bill of materials of an image, held against CycloneDX's schema and purl's own library."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from core import packages
from core.images import Image
from core.packages import Package
from steps.image import sbom

DEBIAN = (
    "# deb debian 12\nadduser 3.134 all\nlibstdc++6 12.2.0-14+deb12u1 amd64\n"
    "libstdc++6 12.2.0-14+deb12u1 i386\nopenssl 3.0.15-1~deb12u1 amd64\nzlib1g 1:1.2.13.dfsg-1 amd64\n"
)
AMAZON = "# rpm amzn 2023\nNetworkManager 1:1.40-1.amzn2023 x86_64\nopenssl-libs 1:3.0.8-1.amzn2023.0.11 x86_64\n"
UNSTABLE = "# deb debian\nadduser 3.134 all\n"


def image(**tags: str) -> Image:
    said = {
        "phoenix:service": "shop",
        "phoenix:fingerprint": "0123456789ab",
        "phoenix:baked-at": "2026-11-24T06:00:00Z",
        "phoenix:base": "ami-0b",
        **tags,
    }
    return Image(id="ami-0a", name="shop", state="available", created=datetime(2026, 11, 24, tzinfo=UTC), tags=said)


def bill(text: str, **tags: str) -> dict[str, Any]:
    return sbom.bill_of_materials(packages.parse_list(text), image(**tags), text=text)


@pytest.mark.parametrize("text", [DEBIAN, AMAZON, UNSTABLE])
def test_it_keeps_the_schema(text: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    document = bill(text)
    assert validator.validate_str(json.dumps(document)) is None
    # A check that can fail.
    assert validator.validate_str(json.dumps({**document, "components": [{"name": "openssl"}]})) is not None


@pytest.mark.parametrize("text", [DEBIAN, AMAZON])
def test_every_package_of_the_list_is_in_it_once(text: str) -> None:
    listed, found = packages.parse_list(text), bill(text)["components"]
    assert len(found) == len(listed.packages)
    assert {one["bom-ref"] for one in found} == {one["purl"] for one in found}
    for one in found:
        purl = PackageURL.from_string(one["purl"])
        assert purl.to_string() == one["purl"], "as purl's own library writes it"
        assert purl.name == one["name"]


def test_a_package_is_named_as_its_system_names_it() -> None:
    purls = [one["purl"] for one in bill(DEBIAN)["components"]]
    assert purls == [
        "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12",
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12",
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=i386&distro=debian-12",
        "pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64&distro=debian-12",
        "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12",
    ]
    amazon = [one["purl"] for one in bill(AMAZON)["components"]]
    assert amazon[0] == "pkg:rpm/amzn/NetworkManager@1.40-1.amzn2023?arch=x86_64&distro=amzn-2023&epoch=1"


@pytest.mark.parametrize("version", ["1:2.3~rc1+b1-1ubuntu0.1", "2.3^git20261101", "0%1"])
def test_odd_versions_come_back_as_they_were(version: str) -> None:
    listed = packages.parse_list("# deb ubuntu 24.04\n" + f"odd {version} amd64\n")
    purl = sbom.package_url(Package(name="odd", version=version, architecture="amd64"), listed)
    assert PackageURL.from_string(purl).version == version
    assert PackageURL.from_string(purl).qualifiers == {"arch": "amd64", "distro": "ubuntu-24.04"}


def test_the_same_list_of_the_same_image_makes_the_same_document() -> None:
    assert bill(DEBIAN) == bill(DEBIAN)
    assert bill(DEBIAN)["serialNumber"] != bill(AMAZON)["serialNumber"]


def test_it_says_which_image_it_is_of_and_nothing_that_comes_later() -> None:
    about = bill(DEBIAN, **{"phoenix:shared-by": "shop/prod"})["metadata"]
    assert about["timestamp"] == "2026-11-24T06:00:00Z"
    assert (about["component"]["bom-ref"], about["component"]["name"], about["component"]["version"]) == (
        "ami-0a",
        "debian",
        "12",
    )
    assert {one["name"]: one["value"] for one in about["component"]["properties"]} == {
        "phoenix:baked-at": "2026-11-24T06:00:00Z",
        "phoenix:base": "ami-0b",
        "phoenix:fingerprint": "0123456789ab",
        "phoenix:service": "shop",
    }
