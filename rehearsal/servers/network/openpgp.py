"""A key of the rehearsal's own and its detached signatures, as `gpgv` reads them (RFC 4880; RSA with SHA-256).

What a vendor signs with its key, the rehearsal's stand-in of it is signed with this one.
"""

from __future__ import annotations

import hashlib
import struct
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_SIGNATURE, _PUBLIC_KEY, _USER = 2, 6, 13
_BINARY, _CERTIFIES_USER = 0x00, 0x13
_RSA, _SHA256 = 1, 8
_CREATED, _ISSUER, _USES = 2, 16, 27


class Key:
    """`public` is the keyring with this key."""

    def __init__(self, user: str) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._private.public_key().public_numbers()
        self._created = int(time.time())
        body = struct.pack(">BIB", 4, self._created, _RSA) + _number(numbers.n) + _number(numbers.e)
        framed = b"\x99" + struct.pack(">H", len(body)) + body
        self._id = hashlib.sha1(framed, usedforsecurity=False).digest()[-8:]
        name = user.encode()
        certified = framed + b"\xb4" + struct.pack(">I", len(name)) + name
        self.public = (
            _packet(_PUBLIC_KEY, body)
            + _packet(_USER, name)
            + self._signature(_CERTIFIES_USER, certified, _part(_USES, b"\x02"))
        )

    def signature(self, data: bytes) -> bytes:
        """A detached one of the data."""
        return self._signature(_BINARY, data)

    def _signature(self, kind: int, data: bytes, more: bytes = b"") -> bytes:
        parts = _part(_CREATED, struct.pack(">I", max(self._created, int(time.time())))) + more
        hashed = struct.pack(">BBBBH", 4, kind, _RSA, _SHA256, len(parts)) + parts
        signed = data + hashed + b"\x04\xff" + struct.pack(">I", len(hashed))
        issuer = _part(_ISSUER, self._id)
        value = self._private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return _packet(
            _SIGNATURE,
            hashed
            + struct.pack(">H", len(issuer))
            + issuer
            + hashlib.sha256(signed).digest()[:2]
            + _number(int.from_bytes(value)),
        )


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0x80 | tag << 2 | 1]) + struct.pack(">H", len(body)) + body


def _part(kind: int, content: bytes) -> bytes:
    return bytes([len(content) + 1, kind]) + content


def _number(value: int) -> bytes:
    return struct.pack(">H", value.bit_length()) + value.to_bytes((value.bit_length() + 7) // 8)
