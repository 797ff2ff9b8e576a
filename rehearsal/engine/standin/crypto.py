"""Secrets under a passphrase, in the format of Pulumi's own passphrase provider: each reads what the other wrote.

Source: pulumi/pulumi, sdk/go/common/resource/config/crypt.go and pkg/secrets/passphrase (AES-256-GCM, the key by
PBKDF2-SHA256 with 1,000,000 rounds, `v1:NONCE:CIPHERTEXT`; the salt's line proves the passphrase).
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROUNDS = 1_000_000
PROOF = "pulumi"


class WrongPassphraseError(Exception):
    """The passphrase is not the one that the stack's secrets were encrypted with."""

    def __init__(self) -> None:
        super().__init__("incorrect passphrase: PULUMI_CONFIG_PASSPHRASE is not what this stack was made with")


class Passphrase:
    """Encrypts and decrypts the secrets of one stack. The key is made when it is first needed (half a second)."""

    def __init__(self, phrase: str, salt_line: str = "") -> None:
        """`salt_line` is `encryptionsalt` of the stack's file; without one a new salt is made."""
        self._phrase, self._line = phrase, salt_line
        self._salt = base64.b64decode(salt_line.split(":")[1]) if salt_line else os.urandom(8)
        self._key = b""
        self._known: dict[str, str] = {}

    def for_salt(self, salt_line: str) -> Passphrase:
        """The same passphrase with the salt of another file; this one when that has none, or the same."""
        return self if salt_line in ("", self._line) else Passphrase(self._phrase, salt_line)

    @property
    def used(self) -> bool:
        """Whether anything was ever encrypted with it, so that its salt must be kept."""
        return bool(self._line or self._known)

    @property
    def salt_line(self) -> str:
        """The line for the stack's file: the salt, and a text that only the right passphrase decrypts."""
        if not self._line:
            self._line = f"v1:{base64.b64encode(self._salt).decode()}:{self.encrypt(PROOF)}"
        return self._line

    def encrypt(self, text: str) -> str:
        """The text encrypted; the same text gives the same result within a process, so states compare."""
        if text not in self._known:
            nonce = os.urandom(12)
            sealed = self._cipher().encrypt(nonce, text.encode(), None)
            self._known[text] = f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"
        return self._known[text]

    def decrypt(self, text: str) -> str:
        """The inverse. Raises `WrongPassphraseError`."""
        from cryptography.exceptions import InvalidTag

        _, nonce, sealed = text.split(":")
        try:
            plain = self._cipher().decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
        except InvalidTag as wrong:
            raise WrongPassphraseError from wrong
        self._known.setdefault(plain, text)
        return plain

    def check(self) -> None:
        """Raises `WrongPassphraseError` when the salt's line was made with another passphrase."""
        if self._line:
            self.decrypt(self._line.split(":", 2)[2])

    def _cipher(self) -> AESGCM:
        # It comes with moto, and few stacks without secrets need to load it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not self._key:
            self._key = hashlib.pbkdf2_hmac("sha256", self._phrase.encode(), self._salt, ROUNDS)
        return AESGCM(self._key)
