"""Asks the load balancer as a client would, at every address it has."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

from core.aws import Aws
from core.errors import StepError
from core.names import GENERATION_HEADER, PREVIEW_HEADER

TIMEOUT_SECONDS = 5.0
MOST_BODY = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class ListenerEndpoint:
    """A listener from outside. `hostname`: the name its certificate and users know; empty: the balancer's own."""

    load_balancer: str
    dns: str
    port: int
    tls: bool
    hostname: str

    @property
    def host(self) -> str:
        return self.hostname or self.dns

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.dns}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one address said. `generation` is None when the application does not tell it."""

    address: str
    status: int | None = None
    generation: str | None = None
    error: str = ""

    @property
    def good(self) -> bool:
        return self.status is not None and self.status < 400


def find_endpoint(aws: Aws, listener: str, hostname: str) -> ListenerEndpoint:
    """Where a listener is reached. Raises StepError for HTTPS without a name to check the certificate against."""
    found = aws.elbv2.describe_listeners(ListenerArns=[listener])["Listeners"][0]
    balancer = aws.elbv2.describe_load_balancers(LoadBalancerArns=[found["LoadBalancerArn"]])["LoadBalancers"][0]
    tls = found["Protocol"] == "HTTPS"
    if tls and not hostname:
        raise StepError(
            "PHX-016",
            "the listener speaks HTTPS and the step was not told a host name",
            why="without one the certificate can't be checked, and the preview token would go to anybody",
            do="pulumi config set hostname NAME (a name that the certificate is for)",
        )
    return ListenerEndpoint(
        load_balancer=found["LoadBalancerArn"],
        dns=balancer["DNSName"],
        port=found["Port"],
        tls=tls,
        hostname=hostname,
    )


def probe(door: ListenerEndpoint, path: str, *, token: str = "") -> tuple[Answer, ...]:
    """The answers of every address that the balancer's name has now; with `token`, of the group behind preview."""
    try:
        found = socket.getaddrinfo(door.dns, door.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return (Answer(address=door.dns, error=f"its name has no address: {error}"),)
    # The nodes of a dual-stack balancer have both kinds; not every machine can reach the new one.
    old = [one for one in found if one[0] == socket.AF_INET]
    addresses = sorted({str(one[4][0]) for one in old or found})
    return tuple(_ask_one(door, address, path, token) for address in addresses)


def _ask_one(door: ListenerEndpoint, address: str, path: str, token: str) -> Answer:
    default = 443 if door.tls else 80
    headers = {
        "Host": door.host if door.port == default else f"{door.host}:{door.port}",
        "User-Agent": "phoenix",
        "Connection": "close",
    }
    if token:
        headers[PREVIEW_HEADER] = token
    connection = http.client.HTTPConnection(address, door.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.connect()
        if door.tls:
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=door.hostname)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read(MOST_BODY)
        return Answer(address=address, status=response.status, generation=response.headers.get(GENERATION_HEADER))
    except (OSError, http.client.HTTPException) as error:
        return Answer(address=address, error=str(error) or type(error).__name__)
    finally:
        connection.close()


def probe_error(answers: Iterable[Answer], generation: str) -> str:
    """Why the answers don't show that `generation`, and only it, serves; empty when they do."""
    wrong = [text for answer in answers if (text := _complaint(answer, generation))]
    return "; ".join(wrong)


def _complaint(answer: Answer, generation: str) -> str:
    if answer.status is None:
        return f"{answer.address} did not answer: {answer.error}"
    if not answer.good:
        return f"{answer.address} answered {answer.status}"
    if answer.generation not in {None, generation}:
        return f"{answer.address} answered as generation {answer.generation}, not {generation}"
    return ""


def reports_generation(answers: Iterable[Answer]) -> bool:
    """Whether the application tells its generation."""
    return any(answer.generation is not None for answer in answers)
