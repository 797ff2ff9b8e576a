"""The vendors' base images of the local cloud: whose they are, what they are called and which SSM parameter names them.

Owners: Canonical 099720109477, Debian 136693071363, Amazon 137112412989, each as its vendor publishes it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

CANONICAL = "099720109477"
DEBIAN = "136693071363"
AMAZON = "137112412989"
# The root volume of every vendor's image.
ROOT_GIB = 8


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    name: str
    parameter: str
    owner: str
    owner_alias: str | None
    architecture: str
    root_device: str
    created: datetime

    @property
    def id(self) -> str:
        return "ami-" + hashlib.sha256(self.name.encode()).hexdigest()[:17]


def _ubuntu(*, version: str, codename: str, volume: str, serial: str) -> list[BaseImage]:
    return [
        BaseImage(
            name=f"ubuntu/images/hvm-ssd{'-gp3' if volume == 'gp3' else ''}/"
            f"ubuntu-{codename}-{version}-{arch}-server-{serial}",
            parameter=f"/aws/service/canonical/ubuntu/server/{version}/stable/current/{arch}/hvm/ebs-{volume}/ami-id",
            owner=CANONICAL,
            owner_alias="amazon",
            architecture=architecture,
            root_device="/dev/sda1",
            created=datetime.strptime(serial, "%Y%m%d").replace(tzinfo=UTC),
        )
        for arch, architecture in (("amd64", "x86_64"), ("arm64", "arm64"))
    ]


def _debian(*, version: str, serial: str) -> list[BaseImage]:
    return [
        BaseImage(
            name=f"debian-{version}-{arch}-{serial}",
            parameter=f"/aws/service/debian/release/{version}/latest/{arch}",
            owner=DEBIAN,
            owner_alias=None,
            architecture=architecture,
            root_device="/dev/xvda",
            created=datetime.strptime(serial.partition("-")[0], "%Y%m%d").replace(tzinfo=UTC),
        )
        for arch, architecture in (("amd64", "x86_64"), ("arm64", "arm64"))
    ]


def _amazon_linux(*, release: str, kernel: str) -> list[BaseImage]:
    return [
        BaseImage(
            name=f"al2023-ami-{release}-kernel-{kernel}-{architecture}",
            parameter=f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-{named}-{architecture}",
            owner=AMAZON,
            owner_alias="amazon",
            architecture=architecture,
            root_device="/dev/xvda",
            created=datetime.strptime(release.split(".")[2], "%Y%m%d").replace(tzinfo=UTC),
        )
        for architecture in ("x86_64", "arm64")
        for named in ("default", kernel)
    ]


IMAGES = (
    *_ubuntu(version="24.04", codename="noble", volume="gp3", serial="20251022"),
    *_ubuntu(version="22.04", codename="jammy", volume="gp2", serial="20251015"),
    *_debian(version="12", serial="20251112-2294"),
    *_debian(version="13", serial="20251117-2299"),
    *_amazon_linux(release="2023.9.20251117.1", kernel="6.1"),
)
