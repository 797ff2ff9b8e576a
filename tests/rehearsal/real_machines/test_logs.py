"""Logs over TLS from a real operating system: to whom the certificate names, and to nobody else."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.container.sockets import NamespaceSockets
from tests.rehearsal.boto3_stack import until
from tests.rehearsal.real_machines.host import booted, inside, launched, metal, needed, real_cloud

pytestmark = needed()
PORT = 6514
PREPARE = """set -eu
mkdir -p /etc/phoenix /var/log/tomcat10
echo '/var/log/tomcat10/access.*.log' >/etc/phoenix/access-log
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/90test
systemctl stop first-boot.service 'apt-daily*' || true
apt-get -qq -o DPkg::Lock::Timeout=300 update"""
WRITE = "echo a line of the application >>/var/log/tomcat10/access.test.log; logger a line of the system"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with real_cloud() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(cloud: Cloud) -> str:
    """One with the log collector of image/optional, which sends to localhost over TLS."""
    made = launched(cloud, metal(cloud).images[0].id)
    booted(cloud, made)
    install = (PROJECT / "image" / "optional" / "60-log-collector.sh").read_text()
    settings = f"LOG_COLLECTOR=syslog-ng LOG_TARGET=tls://localhost:{PORT}"
    for command, program in ((PREPARE, ""), (f"{settings} sh", install), ("systemctl stop syslog-ng", "")):
        done = inside(cloud, made, command, program=program)
        assert done.returncode == 0, done.stdout + done.stderr
    return made


class Authority:
    """One that signs certificates for names. (Of a certificate that is itself trusted, syslog-ng asks for no name.)"""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {secrets.token_hex(4)}")])
        self._certificate = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.certificate = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def context(self, folder: Path, name: str) -> ssl.SSLContext:
        """Of who can prove to be `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = self._sign(subject, key, x509.SubjectAlternativeName([x509.DNSName(name)]))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / f"{name}.pem"
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        return made

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=7))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )


class Receiver:
    """Listens on the machine's own loopback over TLS: what arrived, and why whoever came went away again."""

    def __init__(self, cloud: Cloud, server: str, context: ssl.SSLContext) -> None:
        self.arrived, self.refusals = bytearray(), list[str]()
        self._door, self._context, self._ends = NamespaceSockets(), context, threading.Event()
        self._listener = self._door.listen(metal(cloud).network(server), PORT)
        self._listener.settimeout(0.2)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._listener.close()
        self._door.close()

    def _accept(self) -> None:
        while not self._ends.is_set():
            with contextlib.suppress(TimeoutError):
                self._serve(self._listener.accept()[0])

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(10)
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(0.2)
                while not self._ends.is_set():
                    with contextlib.suppress(TimeoutError):
                        piece = connection.recv(65536)
                        if not piece:
                            return
                        self.arrived.extend(piece)
        except OSError as error:
            self.refusals.append(str(error))


def test_lines_reach_whom_a_trusted_certificate_names_and_nobody_else(
    cloud: Cloud, server: str, tmp_path: Path
) -> None:
    authority = Authority()
    begin = f"systemctl restart syslog-ng; {WRITE}"
    # Nobody whom this system trusts has signed it.
    with Receiver(cloud, server, authority.context(tmp_path, "localhost")) as stranger:
        inside(cloud, server, begin)
        assert "unknown ca" in until(lambda: stranger.refusals, what="a refusal")[0]
        assert not stranger.arrived
    trust = "cat >/usr/local/share/ca-certificates/test.crt && update-ca-certificates"
    assert inside(cloud, server, trust, program=authority.certificate).returncode == 0
    # The authority is trusted, and the certificate another's.
    with Receiver(cloud, server, authority.context(tmp_path, "logs.example.com")) as another:
        inside(cloud, server, begin)
        until(lambda: another.refusals or another.arrived, what="an attempt")
        assert not another.arrived, "the name on the certificate was not looked at"
    with Receiver(cloud, server, authority.context(tmp_path, "localhost")) as ours:
        inside(cloud, server, begin)
        for line in (b"a line of the application", b"a line of the system"):
            until(lambda line=line: line in ours.arrived, what=line.decode())  # type: ignore[misc]
