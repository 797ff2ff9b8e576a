"""The list beside its image, on a cloud that keeps Parameter Store's limits: written, read, damaged, taken away."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core import package_store, packages
from core.package_store import UnknownPackages
from rehearsal.cloud.cloud import Cloud
from tests.unit.steps.cloud import Wrapped

SERVICE = "shop"
SHORT = "adduser 3.134\nopenssl 3.0.14\n"
# Versions that no compression makes smaller: more than ten parameters' worth, so 10 must not sort before 2.
LONG = "".join(f"package-{number} {hashlib.sha512(str(number).encode()).hexdigest()}\n" for number in range(600))


@pytest.fixture
def ssm(cloud: Cloud) -> Any:
    return cloud.client("ssm")


@pytest.fixture
def image(cloud: Cloud, request: pytest.FixtureRequest) -> str:
    return str(cloud.client("ec2").register_image(Name=request.node.name, RootDeviceName="/dev/xvda")["ImageId"])


def tag(cloud: Cloud, image: str) -> str:
    [found] = cloud.client("ec2").describe_images(ImageIds=[image])["Images"]
    return str({tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}.get("phoenix:packages", ""))


def names(ssm: Any, image: str) -> list[str]:
    found = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/phoenix/{SERVICE}/images/{image}/packages")
    return [one["Name"] for page in found for one in page["Parameters"]]


def store(cloud: Cloud, image: str, text: str) -> str:
    return package_store.store(cloud.client("ssm"), cloud.client("ec2"), text, service=SERVICE, image=image)


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
def test_what_is_stored_is_read_again(cloud: Cloud, ssm: Any, image: str, text: str) -> None:
    hashed = store(cloud, image, text)
    assert tag(cloud, image) == hashed == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert package_store.read(ssm, service=SERVICE, image=image, hashed=hashed) == packages.parse_packages(text)
    assert (len(names(ssm, image)) > 10) == (text is LONG)


def test_a_shorter_list_leaves_nothing_of_a_longer_one(cloud: Cloud, ssm: Any, image: str) -> None:
    store(cloud, image, LONG)
    hashed = store(cloud, image, SHORT)
    assert len(names(ssm, image)) == 1
    assert package_store.read(ssm, service=SERVICE, image=image, hashed=hashed) == packages.parse_packages(SHORT)


def test_the_tag_comes_last_so_an_interrupted_list_is_none(cloud: Cloud, ssm: Any, image: str) -> None:
    def put_parameter(**arguments: Any) -> Any:
        if arguments["Name"].endswith("/2"):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "PutParameter")
        return ssm.put_parameter(**arguments)

    dying: Any = Wrapped(ssm, put_parameter=put_parameter)
    with pytest.raises(ClientError):
        package_store.store(dying, cloud.client("ec2"), LONG, service=SERVICE, image=image)
    assert len(names(ssm, image)) == 1 and tag(cloud, image) == ""
    with pytest.raises(UnknownPackages, match=f"{image} has no list of its packages"):
        package_store.read(ssm, service=SERVICE, image=image, hashed="")


@pytest.mark.parametrize("damage", ["a piece is gone", "all are gone", "another list's", "not base64"])
def test_a_list_that_does_not_match_its_tag_is_not_relied_on(cloud: Cloud, ssm: Any, image: str, damage: str) -> None:
    hashed = store(cloud, image, LONG)
    path = package_store.parameter_path(SERVICE, image)
    if damage == "a piece is gone":
        ssm.delete_parameters(Names=[f"{path}/2"])
    elif damage == "all are gone":
        package_store.remove(ssm, service=SERVICE, image=image)
    elif damage == "another list's":
        package_store.remove(ssm, service=SERVICE, image=image)
        ssm.put_parameter(Name=f"{path}/1", Value=package_store.pieces(SHORT)[0], Type="String")
    else:
        ssm.put_parameter(Name=f"{path}/1", Value="!", Type="String", Overwrite=True)
    with pytest.raises(UnknownPackages, match=f"the list of packages of {image} is of no use"):
        package_store.read(ssm, service=SERVICE, image=image, hashed=hashed)


def test_who_may_not_read_a_list_is_told_so_in_the_words_of_aws(ssm: Any, image: str) -> None:
    class Denying:
        def get_paginator(self, _: str) -> Any:
            error: Any = {
                "Code": "AccessDeniedException",
                "Message": "not authorized to perform: ssm:GetParametersByPath",
            }
            raise ClientError({"Error": error}, "GetParametersByPath")

    denying: Any = Denying()
    with pytest.raises(UnknownPackages, match=r"can't be read: .*not authorized to perform: ssm:GetParametersByPath"):
        package_store.read(denying, service=SERVICE, image=image, hashed="0" * 12)


def test_lists_of_a_service_are_found_and_removed_one_by_one(cloud: Cloud, ssm: Any, image: str) -> None:
    store(cloud, image, LONG)
    other = "ami-0a0a0a0a0a0a0a0a0"
    ssm.put_parameter(Name=f"/phoenix/{SERVICE}/images/{other}/packages/1", Value="x", Type="String")
    ssm.put_parameter(Name=f"/phoenix/{SERVICE}-2/images/{image}/packages/1", Value="x", Type="String")
    assert {image, other} <= package_store.stored(ssm, service=SERVICE).keys()
    package_store.remove(ssm, service=SERVICE, image=image)
    found = package_store.stored(ssm, service=SERVICE)
    assert image not in found and other in found
    assert image in package_store.stored(ssm, service=f"{SERVICE}-2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"Name": "/phoenix/x/1", "Value": "x" * 4097}, "maximum parameter value of 4096 characters"),
        ({"Name": "/phoenix/x y/1", "Value": "x"}, "sub-paths divided by slash symbol"),
        ({"Name": "/phoenix//1", "Value": "x"}, "sub-paths divided by slash symbol"),
        ({"Name": "/ssm/x/1", "Value": "x"}, 'can\'t be prefixed with "ssm"'),
    ],
)
def test_the_cloud_refuses_what_parameter_store_refuses(ssm: Any, arguments: dict[str, str], words: str) -> None:
    with pytest.raises(ClientError) as refused:
        ssm.put_parameter(Type="String", **arguments)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert words in refused.value.response["Error"]["Message"]


def test_the_cloud_deletes_ten_parameters_at_once_and_no_more(ssm: Any) -> None:
    ssm.delete_parameters(Names=[f"/phoenix/x/{number}" for number in range(10)])
    with pytest.raises(ClientError, match="less than or equal to 10"):
        ssm.delete_parameters(Names=[f"/phoenix/x/{number}" for number in range(11)])
