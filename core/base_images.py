"""The vendor's base image that an image is baked from: which one is meant, and whether it may be one.

An image is built from a vendor's base by the scripts in git, never from an image of ours; otherwise what an image
holds would depend on images that are long gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core import aws, images
from core.errors import StepError
from core.names import AMI

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import ImageTypeDef
    from types_boto3_ssm import SSMClient

NEVER_OURS = "choose a vendor's image as baseImage; what differs from it belongs into image/provision"


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """Where a vendor publishes the newest of its images, and whose they are.

    The parameters are documented by Canonical (documentation.ubuntu.com/aws), Debian (wiki.debian.org/Cloud) and AWS
    (AL2023 User Guide). Ubuntu 22.04 is published with gp2 volumes only; the build instance has gp3 all the same.
    """

    parameter: str  # {debian_arch} is amd64 or arm64, {arch} is x86_64 or arm64
    owners: Mapping[str, str]  # the vendor's account in each partition where it is known


CANONICAL, DEBIAN, AMAZON = "099720109477", "136693071363", "137112412989"
# A partition is an AWS of its own, with accounts of its own. Canonical tells its own ("Find Ubuntu images on AWS",
# ownership verification), AWS those of Amazon Linux (awslabs/amazon-eks-ami, Makefile), Debian one (wiki.debian.org).
OF_CANONICAL = {"aws": CANONICAL, "aws-us-gov": "513442679011", "aws-cn": "837727238323"}
OF_DEBIAN = {"aws": DEBIAN}
OF_AMAZON = {"aws": AMAZON, "aws-us-gov": "045324592363", "aws-cn": "141808717104"}
UBUNTU_PARAMETER = "/aws/service/canonical/ubuntu/server/%s/stable/current/{debian_arch}/hvm/%s/ami-id"
VENDORS: Mapping[str, Vendor] = {
    "ubuntu-24.04": Vendor(parameter=UBUNTU_PARAMETER % ("24.04", "ebs-gp3"), owners=OF_CANONICAL),
    "ubuntu-22.04": Vendor(parameter=UBUNTU_PARAMETER % ("22.04", "ebs-gp2"), owners=OF_CANONICAL),
    "debian-12": Vendor(parameter="/aws/service/debian/release/12/latest/{debian_arch}", owners=OF_DEBIAN),
    "debian-13": Vendor(parameter="/aws/service/debian/release/13/latest/{debian_arch}", owners=OF_DEBIAN),
    "al2023": Vendor(
        parameter="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{arch}", owners=OF_AMAZON
    ),
}

# Whom an image lets in by SSH, by a word of its name.
USERS = {"ubuntu": "ubuntu", "debian": "admin", "al2023": "ec2-user", "amzn2": "ec2-user", "rhel": "ec2-user"}


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    id: str
    name: str
    owner: str
    architecture: str
    state: str
    root_device: str
    root_device_type: str
    root_gib: int  # size of its root volume
    created: str = ""  # when its vendor made it, ISO 8601
    tags: Mapping[str, str] = field(default_factory=dict)


def known_names(partition: str) -> list[str]:
    """The names whose vendor's account is known in a partition."""
    return [name for name, vendor in VENDORS.items() if partition in vendor.owners]


def parse_name(text: str) -> str:
    """What --base-image may be. Raises ValueError."""
    if text in VENDORS or AMI.fullmatch(text) or re.fullmatch(r"/[A-Za-z0-9_./-]+", text):
        return text
    raise ValueError(f"not one of {', '.join(VENDORS)}, an SSM parameter (/...) or an image (ami-...)")


def refusal(image: BaseImage, *, account: str, architecture: str, owner: str | None) -> StepError | None:
    """Why `image` can't be the base of one of ours, or None. `owner`: whose it has to be, if that is known."""
    named = f"{image.id} ({image.name})"
    ours = sorted(key for key in image.tags if key.startswith("phoenix:"))
    if ours:
        tags = ", ".join(f"{key}={image.tags[key]}" for key in ours)
        return StepError("PHX-420", f"the base image {named} is one of ours", why=f"it carries {tags}", do=NEVER_OURS)
    if image.owner == account:
        return StepError("PHX-421", f"the base image {named} belongs to this account, {account}", do=NEVER_OURS)
    if owner is not None and image.owner != owner:
        return StepError(
            "PHX-423",
            f"the base image {named} is not its vendor's",
            why=f"it belongs to account {image.owner}; the vendor's is {owner}",
            do="find out who changed the SSM parameter; nothing was baked",
        )
    if image.architecture != architecture:
        return StepError(
            "PHX-424",
            f"the base image {named} is for {image.architecture}, the servers are {architecture}",
            do="choose a baseImage or an instanceType of the same architecture",
        )
    if image.state != "available" or image.root_device_type != "ebs":
        return StepError(
            "PHX-425",
            f"the base image {named} can't be used",
            why=f"its state is {image.state}, its root device {image.root_device_type}; it must be available, and ebs",
            do="choose another baseImage",
        )
    return None


def find_base_image(ec2: EC2Client, ssm: SSMClient, name: str, *, account: str, architecture: str) -> BaseImage:
    """The image that `name` means today. Raises StepError when there is none, or it is refused."""
    vendor = VENDORS.get(name)
    if vendor and ec2.meta.partition not in vendor.owners:
        raise StepError(
            "PHX-422",
            f"the vendor's account of {name} is not known in the partition {ec2.meta.partition}",
            why="an image by this name may be anybody's there",
            do=f"choose one of {', '.join(known_names(ec2.meta.partition)) or 'your own'}, or give an image that you"
            " know to be the vendor's (baseImage: ami-...)",
        )
    parameter = (
        name
        if vendor is None
        else vendor.parameter.format(debian_arch="amd64" if architecture == "x86_64" else "arm64", arch=architecture)
    )
    image_id = parameter if AMI.fullmatch(parameter) else published(ssm, parameter)
    image = _described(ec2, image_id)
    owner = vendor.owners[ec2.meta.partition] if vendor else None
    refused = refusal(image, account=account, architecture=architecture, owner=owner)
    if refused is not None:
        raise refused
    return image


def ssh_username(image: BaseImage, *, base_image: str) -> str | None:
    """Whom the base image lets in, judged by its name; None when that says nothing."""
    words = f"{base_image} {image.name}".lower()
    return next((user for word, user in USERS.items() if word in words), None)


def parsed(image: ImageTypeDef) -> BaseImage:
    return BaseImage(
        id=image["ImageId"],
        name=image.get("Name", ""),
        owner=image.get("OwnerId", ""),
        architecture=image.get("Architecture", ""),
        state=image.get("State", ""),
        root_device=image.get("RootDeviceName", ""),
        root_device_type=image.get("RootDeviceType", ""),
        root_gib=images.root_gib(image),
        created=image.get("CreationDate", ""),
        tags={tag["Key"]: tag["Value"] for tag in image.get("Tags", [])},
    )


def published(ssm: SSMClient, parameter: str) -> str:
    """The image that an SSM parameter names today. Raises StepError when there is none."""
    try:
        value = ssm.get_parameter(Name=parameter)["Parameter"]["Value"].strip()
    except ClientError as error:
        if aws.error_code(error) != "ParameterNotFound":
            raise
        raise StepError(
            "PHX-426",
            f"the SSM parameter {parameter} does not exist in this region",
            why=aws.error_reason(error),
            do="choose another baseImage, or give the AMI itself (baseImage: ami-...)",
        ) from error
    if not AMI.fullmatch(value):
        raise StepError("PHX-427", f"the SSM parameter {parameter} does not name an image", why=f"it says {value!r}")
    return value


def _described(ec2: EC2Client, image_id: str) -> BaseImage:
    try:
        found = ec2.describe_images(ImageIds=[image_id])["Images"]
    except ClientError as error:
        if not aws.error_code(error).startswith("InvalidAMIID"):
            raise
        found = []
    if not found:
        raise StepError(
            "PHX-419",
            f"the base image {image_id} does not exist in this region, or this account may not see it",
            do="choose another baseImage",
        )
    return parsed(found[0])
