"""Who may ask the local cloud: not whoever reaches its port, and no page in a browser."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from rehearsal.cloud.cloud import Cloud

ASKED = "Action=DescribeVpcs&Version=2016-11-15"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=0) as made:
        yield made


def request(cloud: Cloud, *, path: str = "/", signed: bool = True, **headers: str) -> tuple[int, str]:
    """One to the cloud's port, as somebody who has the key would send it, but for `headers`."""
    where = urlsplit(cloud.endpoint)
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    if signed:
        asked = AWSRequest("POST", cloud.endpoint + path, data=ASKED, headers=sent)
        SigV4Auth(Credentials(cloud.access_key, "secret"), "ec2", cloud.region).add_auth(asked)
        sent = dict(asked.headers.items())
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
    connection.request("POST", path, ASKED, {**sent, **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_whoever_has_the_key_of_this_run_is_answered(cloud: Cloud) -> None:
    status, text = request(cloud)
    assert status == 200 and "<vpcId>" in text


@pytest.mark.parametrize(
    ("service", "operation", "status", "code"),
    [
        ("ec2", "describe_vpcs", 401, "AuthFailure"),
        ("sts", "get_caller_identity", 403, "InvalidClientTokenId"),
        ("elbv2", "describe_load_balancers", 403, "InvalidClientTokenId"),
        ("ssm", "describe_parameters", 400, "UnrecognizedClientException"),
    ],
)
@pytest.mark.parametrize("key", ["test", "rehearsal", "observer", "ASIAGUESSED"])
def test_a_key_that_is_not_of_this_run_is_refused_as_aws_does(
    cloud: Cloud, key: str, service: str, operation: str, status: int, code: str
) -> None:
    before = len(cloud.calls.seen)
    create: Any = boto3.Session(key, "test", region_name=cloud.region).client
    with pytest.raises(ClientError) as caught:
        getattr(create(service, endpoint_url=cloud.endpoint), operation)()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(cloud.calls.seen) == before + 1, "an SDK would not ask again"


@pytest.mark.parametrize("path", ["/", "/moto-api/data.json", "/moto-api/reset"])
def test_what_nobody_signed_is_refused_and_so_are_motos_own_pages(cloud: Cloud, path: str) -> None:
    status, text = request(cloud, path=path, signed=False)
    assert (status, text) == (403, "Request is missing Authentication Token")
    assert request(cloud)[1].count("<vpcId>"), "and nothing was reset"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost.evil.example:{port}"])
def test_a_name_that_only_leads_here_is_refused(cloud: Cloud, host: str) -> None:
    """DNS rebinding: a page's own name is made to lead to this machine, and its browser sends that name."""
    named = host.format(port=urlsplit(cloud.endpoint).port)
    status, text = request(cloud, Host=named)
    assert status == 403 and f"it asks for the host {named!r}" in text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_a_page_is_refused_wherever_it_is_from(cloud: Cloud, origin: str) -> None:
    status, text = request(cloud, Origin=origin)
    assert status == 403 and f"it comes from a page of {origin}" in text


def test_each_run_has_a_key_of_its_own_that_nobody_can_guess(cloud: Cloud, tmp_path: Path) -> None:
    other = Cloud(tmp_path)  # not open: there can be one at a time
    assert cloud.environment["AWS_ACCESS_KEY_ID"] == cloud.access_key != other.access_key
    assert len(set(cloud.access_key[4:])) > 8 and len(cloud.access_key) == 36


def test_servers_ask_under_the_names_of_aws(cloud: Cloud) -> None:
    assert request(cloud, Host=f"ssm.{cloud.region}.amazonaws.com")[0] == 200
