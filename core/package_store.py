"""The list of packages that travels with an image: beside it in AWS as parameters of Systems Manager.

    /phoenix/SERVICE/images/AMI-ID/packages/1, 2, ...

hold the list, compressed with gzip, as base64, in pieces that a standard parameter can hold (4096 characters; it costs
nothing). The parameters come first and then the image's tag `phoenix:packages`, which is the list's hash: an image
without the tag, or with one that its parameters don't match, has no list that anybody may rely on.

Names, tiers and limits: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, packages
from core.errors import CodedError
from core.packages import Packages

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import ParameterTypeDef

TAG = "phoenix:packages"
PIECE_CHARACTERS = 4096
# As many names as DeleteParameters takes in one call.
NAMES = 10


class UnknownPackages(CodedError):  # noqa: N818 - what it says is no error of anybody's
    """There is no list of an image that can be relied on; the text says why."""


def parameter_folder(service: str) -> str:
    return f"/phoenix/{service}/images"


def parameter_path(service: str, image: str) -> str:
    return f"{parameter_folder(service)}/{image}/packages"


def pieces(text: str) -> list[str]:
    """A list as the values of its parameters, in their order."""
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return [packed[start : start + PIECE_CHARACTERS] for start in range(0, len(packed), PIECE_CHARACTERS)]


def joined(values: Iterable[str]) -> str:
    """The list out of its parameters' values. Raises ValueError when they are not whole."""
    try:
        return gzip.decompress(base64.b64decode("".join(values), validate=True)).decode()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"its pieces are not whole: {error}") from error


def store(ssm: SSMClient, ec2: EC2Client, text: str, *, service: str, image: str) -> str:
    """Puts the list beside its image, then its hash on it, and returns the hash. Raises ClientError."""
    # What an interrupted attempt left might have been in more pieces.
    remove(ssm, service=service, image=image)
    for number, value in enumerate(pieces(text), start=1):
        name = f"{parameter_path(service, image)}/{number}"
        ssm.put_parameter(Name=name, Value=value, Type="String", Tier="Standard", Overwrite=True)
    hashed = packages.packages_hash(text)
    ec2.create_tags(Resources=[image], Tags=[{"Key": TAG, "Value": hashed}])
    return hashed


def hashes(ec2: EC2Client, wanted: Sequence[str]) -> dict[str, str]:
    """The hash of each image's list. Raises UnknownPackages for the first image that is gone or has no list."""
    # By filter, since asking for the id of one that is gone fails.
    pages = ec2.get_paginator("describe_images").paginate(
        Owners=["self"], Filters=[{"Name": "image-id", "Values": list(wanted)}]
    )
    found = {
        one["ImageId"]: {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}.get(TAG, "")
        for page in pages
        for one in page["Images"]
    }
    for image in wanted:
        if image not in found:
            raise UnknownPackages("PHX-902", f"{image} is no image of this account any more")
        _listed(image, found[image])
    return {image: found[image] for image in wanted}


def read(ssm: SSMClient, *, service: str, image: str, hashed: str) -> Packages:
    """The packages of an image whose tag says `hashed` (empty: it has none). Raises UnknownPackages."""
    return packages.parse_packages(read_text(ssm, service=service, image=image, hashed=hashed))


def read_text(ssm: SSMClient, *, service: str, image: str, hashed: str) -> str:
    """The same as the list that it was stored as, which is one."""
    _listed(image, hashed)
    try:
        parts = sorted(_parameters(ssm, parameter_path(service, image)), key=lambda one: _number(one["Name"]))
        if not parts:
            raise ValueError("it is not here (a copy's stays where it was baked)")
        text = joined(one["Value"] for one in parts)
        if packages.packages_hash(text) != hashed:
            raise ValueError(f"it is not the one with the hash {hashed}")
        packages.parse_list(text)
        return text
    except (ClientError, BotoCoreError) as error:
        raise UnknownPackages(
            "PHX-903", f"the list of packages of {image} can't be read: {aws.error_reason(error)}"
        ) from error
    except ValueError as error:
        raise UnknownPackages("PHX-904", f"the list of packages of {image} is of no use: {error}") from error


def remove(ssm: SSMClient, *, service: str, image: str) -> None:
    names = [one["Name"] for one in _parameters(ssm, parameter_path(service, image))]
    for start in range(0, len(names), NAMES):
        ssm.delete_parameters(Names=names[start : start + NAMES])


def stored(ssm: SSMClient, *, service: str) -> dict[str, datetime]:
    """The images that there are lists of, with when each list was written last."""
    found: dict[str, datetime] = {}
    for one in _parameters(ssm, parameter_folder(service), recursive=True):
        image = one["Name"].removeprefix(parameter_folder(service)).split("/")[1]
        found[image] = max(one["LastModifiedDate"], found.get(image, one["LastModifiedDate"]))
    return found


def _listed(image: str, hashed: str) -> None:
    if not hashed:
        raise UnknownPackages("PHX-901", f"{image} has no list of its packages")


def _parameters(ssm: SSMClient, below: str, *, recursive: bool = False) -> Iterator[ParameterTypeDef]:
    for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=below, Recursive=recursive):
        yield from page["Parameters"]


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])
