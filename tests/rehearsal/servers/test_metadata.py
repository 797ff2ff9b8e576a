"""The metadata service of the rehearsal's machines answers as version 2 of EC2's does, and botocore reads it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from botocore.utils import InstanceMetadataFetcher

from rehearsal.servers.container.sockets import EventLoopThread, forward, make_nodelay_socket, start_listening
from rehearsal.servers.metadata_service import AwsEndpoint, MetadataService, RoleCredentials
from rehearsal.servers.network import tls

TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


def aws(role: str | None = "servers") -> AwsEndpoint:
    given = (
        None
        if role is None
        else RoleCredentials(
            role=role, access_key="ASIA1", secret_key="s", token="t", expires=datetime.now(UTC) + timedelta(hours=6)
        )
    )
    return AwsEndpoint(endpoint="http://127.0.0.1:1", region="eu-west-1", credentials=lambda instance_id: given)


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    made = EventLoopThread("metadata")
    yield made
    made.close()


def served(loop: EventLoopThread, role: str | None = "servers") -> int:
    listener = start_listening(make_nodelay_socket())
    service = MetadataService("i-1", aws(role))

    async def begin() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(web.Server(service.handle), sock=listener)

    loop.run(begin())
    return int(listener.getsockname()[1])


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    try:
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def token(port: int, seconds: str = "60") -> tuple[int, str]:
    return ask(port, "PUT", "/latest/api/token", **{TTL: seconds})


def test_nothing_is_told_without_a_token_and_none_is_given_through_a_proxy(loop: EventLoopThread) -> None:
    port = served(loop)
    assert ask(port, "GET", CREDENTIALS)[0] == 401
    assert ask(port, "GET", CREDENTIALS, **{TOKEN: "guessed"})[0] == 401
    assert ask(port, "GET", "/latest/api/token", **{TTL: "60"})[0] == 405
    assert [token(port, wrong)[0] for wrong in ("", "0", "21601", "x")] == [400] * 4
    assert ask(port, "PUT", "/latest/api/token", **{TTL: "60", "X-Forwarded-For": "10.0.0.1"})[0] == 403
    status, given = token(port)
    assert status == 200
    assert ask(port, "GET", "/latest/meta-data/instance-id", **{TOKEN: given}) == (200, "i-1")
    assert ask(port, "GET", CREDENTIALS, **{TOKEN: given}) == (200, "servers")
    assert ask(port, "GET", f"{CREDENTIALS}other", **{TOKEN: given})[0] == 404
    assert ask(port, "GET", "/latest/user-data-of-ours", **{TOKEN: given})[0] == 404


def test_botocore_finds_the_roles_credentials_and_none_where_there_is_no_role(loop: EventLoopThread) -> None:
    def fetched(port: int) -> dict[str, str]:
        return InstanceMetadataFetcher(
            timeout=20, base_url=f"http://127.0.0.1:{port}/", env={}
        ).retrieve_iam_role_credentials()

    found = fetched(served(loop))
    assert (found["role_name"], found["access_key"], found["token"]) == ("servers", "ASIA1", "t")
    assert fetched(served(loop, role=None)) == {}


def test_the_api_answers_under_awss_names_to_who_trusts_the_rehearsal_and_to_nobody_else(loop: EventLoopThread) -> None:
    port, names = served(loop), aws().names
    identity = tls.issue_identity(names)

    async def connect() -> socket.socket:
        made = make_nodelay_socket()
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        return made

    listener = start_listening(make_nodelay_socket())
    loop.serve(forward(connect), listener, tls=identity.context)
    where = listener.getsockname()[:2]
    trusting = ssl.create_default_context(cadata=identity.certificate)
    for name in names:
        with (
            socket.create_connection(where, timeout=20) as plain,
            trusting.wrap_socket(plain, server_hostname=name) as spoken,
        ):
            spoken.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert spoken.recv(12) == b"HTTP/1.1 401"
    for context, name in ((ssl.create_default_context(), names[0]), (trusting, "sts.eu-west-1.amazonaws.com")):
        with socket.create_connection(where, timeout=20) as plain, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname=name)
