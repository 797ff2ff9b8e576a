"""Who signs what the local ACM issues: a root of this process, which whoever is to trust the certificates is given."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root of the local cloud")])


def root() -> bytes:
    """Its own certificate, as PEM."""
    return _root()[0].public_bytes(serialization.Encoding.PEM)


def sign(public_key: Any, names: Sequence[str]) -> bytes:
    """A certificate for a key and DNS names, the first of them the common one, as PEM."""
    builder = _lasting(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), public_key).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
    )
    return builder.sign(_root()[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@cache
def _root() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _lasting(NAME, key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    return builder.sign(key, hashes.SHA256()), key


def _lasting(subject: x509.Name, public_key: Any) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(NAME)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=395))
    )
