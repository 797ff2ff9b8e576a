"""Probes: every address of the load balancer is asked, as users would ask."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from steps.verify import probe
from steps.verify.probe import Answer, ListenerEndpoint
from tests.unit.steps.cloud import BLUE, GREEN, TOKEN, Balancer, balancer


def door(port: int, *, tls: bool = False, hostname: str = "", dns: str = "127.0.0.1") -> ListenerEndpoint:
    return ListenerEndpoint(load_balancer="arn", dns=dns, port=port, tls=tls, hostname=hostname)


@pytest.fixture
def alb() -> Iterator[Balancer]:
    with balancer() as playing:
        yield playing


def test_the_token_leads_to_the_group_behind_preview(alb: Balancer) -> None:
    alb.production.generation = BLUE

    assert probe.probe(door(alb.port), "/", token=TOKEN) == (Answer(address="127.0.0.1", status=200, generation=GREEN),)
    assert probe.probe(door(alb.port), "/") == (Answer(address="127.0.0.1", status=200, generation=BLUE),)
    assert "X-Phoenix-Preview" not in alb.seen[1]


def test_every_address_of_the_name_is_asked(alb: Balancer, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(_name: str, port: int, **_: object) -> list[tuple[object, ...]]:
        old = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]
        # A dual-stack balancer's nodes have new addresses too, which not every machine can reach.
        return [*old, (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))]

    monkeypatch.setattr(probe, "socket", Resolving(resolved))

    answers = probe.probe(door(alb.port, dns="balancer.example"), "/")

    assert [answer.address for answer in answers] == ["127.0.0.1", "127.0.0.2"]
    assert answers[0].good
    assert probe.probe_error(answers, GREEN).startswith("127.0.0.2 did not answer: ")


class Resolving:
    """The socket module with a resolver of the test's."""

    SOCK_STREAM, AF_INET = socket.SOCK_STREAM, socket.AF_INET

    def __init__(self, getaddrinfo: object) -> None:
        self.getaddrinfo = getaddrinfo


def test_a_name_without_an_address_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(probe, "socket", Resolving(none))

    (answer,) = probe.probe(door(80, dns="balancer.example"), "/")

    assert not answer.good
    assert answer.error == "its name has no address: Name or service not known"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (Answer(address="a", status=200, generation=GREEN), ""),
        (Answer(address="a", status=302, generation=GREEN), ""),
        (Answer(address="a", status=200), ""),
        (Answer(address="a", status=404, generation=GREEN), "a answered 404"),
        (Answer(address="a", status=200, generation=BLUE), f"a answered as generation {BLUE}, not {GREEN}"),
        (Answer(address="a", error="timed out"), "a did not answer: timed out"),
    ],
)
def test_an_answer_is_good_or_says_what_is_wrong(answer: Answer, complaint: str) -> None:
    assert probe.probe_error([answer], GREEN) == complaint


def certificate(folder: Path, name: str) -> Path:
    """A certificate of its own for a name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@contextmanager
def tls_server(pem: Path) -> Iterator[tuple[int, list[str]]]:
    """Answers one request over TLS after another; tells which names were asked for."""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as spoken:
                    spoken.recv(4096)
                    spoken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Phoenix-Generation: g\r\n\r\nok")
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1], names
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_over_tls_the_certificate_is_checked_against_the_host_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path, "shop.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))

    with tls_server(pem) as (port, names):
        (good,) = probe.probe(door(port, tls=True, hostname="shop.example"), "/")
        (other,) = probe.probe(door(port, tls=True, hostname="bank.example"), "/")

    assert (good.status, good.generation) == (200, "g")
    assert names == ["shop.example", "bank.example"]
    assert other.status is None
    assert "certificate verify failed" in other.error
