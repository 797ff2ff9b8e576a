"""What is signed of an image: which it is, and what it was made of, as an in-toto Statement with SLSA provenance. Pure.

The statement is rebuilt from what is seen by whoever checks it, byte for byte, and is stored nowhere: the signature
alone goes with the image. Which image it is (account, region, ids of image and snapshots) is what EC2 says, and never
what a tag does; EC2 gives an id to nothing else later, and an image can't get other snapshots. A copy has new ids: it
carries its original's, and EC2 itself says of what image it is a copy.

Formats: in-toto attestation framework, Statement v1; SLSA, Provenance v1; DSSE protocol v1.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import partitions

if TYPE_CHECKING:
    from core.images import Image

# Tags of an image: its signature, and of a copy ACCOUNT/REGION/IMAGE/SNAPSHOT/... of its original.
SIGNATURE, COPIED_FROM = "phoenix:signature", "phoenix:copied-from"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_COPIED_FROM = re.compile(r"(\d{12})/([a-z0-9-]+)/(ami-[0-9a-f]+)((?:/snap-[0-9a-f]+)*)")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Of the image that Packer made; a copy has its original's."""

    account: str
    region: str
    image: str
    snapshots: tuple[str, ...]
    service: str
    fingerprint: str
    base: str
    commit: str
    tree: str
    baked_at: str
    packages: str  # hash of their list; empty: there is none

    @property
    def payload(self) -> bytes:
        """The statement, always with the same bytes."""
        return json.dumps(self._statement(), sort_keys=True, separators=(",", ":")).encode()

    @property
    def signed(self) -> bytes:
        """What the signature is over (DSSE's pre-authentication encoding)."""
        payload = self.payload
        return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)

    def envelope(self, signature: str, *, key: str) -> dict[str, object]:
        """For tools that read DSSE. `signature`: as the tag has it; `key`: the ARN."""
        der = base64.b64encode(to_der(signature)).decode()
        payload = base64.b64encode(self.payload).decode()
        return {"payloadType": PAYLOAD_TYPE, "payload": payload, "signatures": [{"keyid": key, "sig": der}]}

    def _statement(self) -> dict[str, object]:
        arn = f"arn:{partitions.of(self.region)}:ec2:{self.region}"
        packages = [{"name": "packages", "digest": {"sha256First128Bits": self.packages}}] if self.packages else []
        return {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                {"name": f"{arn}:{self.account}:image/{self.image}", "digest": {"ec2Image": self.image}},
                *(
                    {"name": f"{arn}:{self.account}:snapshot/{one}", "digest": {"ec2Snapshot": one}}
                    for one in sorted(self.snapshots)
                ),
            ],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "urn:phoenix:bake:v1",
                    "externalParameters": {"service": self.service, "fingerprint": self.fingerprint},
                    "resolvedDependencies": [
                        {"name": "commit", "digest": {"gitCommit": self.commit}, "annotations": {"tree": self.tree}},
                        {"name": f"{arn}::image/{self.base}", "digest": {"ec2Image": self.base}},
                    ],
                },
                "runDetails": {
                    "builder": {"id": f"urn:phoenix:{self.account}:{self.region}"},
                    "metadata": {"startedOn": self.baked_at},
                    "byproducts": packages,
                },
            },
        }


@dataclass(frozen=True, kw_only=True)
class Original:
    """The image that a copy says it is one of."""

    account: str
    region: str
    image: str
    snapshots: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((self.account, self.region, self.image, *self.snapshots))


def parse_original(text: str) -> Original | None:
    """Out of the tag `phoenix:copied-from`; None for anything else."""
    match = _COPIED_FROM.fullmatch(text)
    if match is None:
        return None
    return Original(account=match[1], region=match[2], image=match[3], snapshots=tuple(match[4].split("/")[1:]))


def of(image: Image, *, region: str) -> Provenance:
    """What must have been signed for an image of `region`, or for the original of a copy."""
    original = parse_original(image.tags.get(COPIED_FROM, "")) or Original(
        account=image.owner, region=region, image=image.id, snapshots=image.snapshots
    )
    said: Mapping[str, str] = image.tags
    return Provenance(
        account=original.account,
        region=original.region,
        image=original.image,
        snapshots=original.snapshots,
        service=said.get("phoenix:service", ""),
        fingerprint=image.fingerprint,
        base=said.get("phoenix:base", ""),
        commit=said.get("phoenix:commit", ""),
        tree=said.get("phoenix:tree", ""),
        baked_at=said.get("phoenix:baked-at", ""),
        packages=said.get("phoenix:packages", ""),
    )


def from_der(der: bytes) -> str:
    """A signature of KMS (DER, two integers; RFC 3279, 2.2.3) as a tag has it: 64 bytes as base64, 86 characters.

    Raises ValueError for one that is not of the curve P-256.
    """
    first = 4 + der[3]
    numbers = [int.from_bytes(der[4:first], "big"), int.from_bytes(der[first + 2 :], "big")]
    try:
        raw = b"".join(number.to_bytes(32, "big") for number in numbers)
    except OverflowError:
        raise ValueError("the signature is not one of the curve P-256") from None
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def to_der(text: str) -> bytes:
    """The other way round. Raises ValueError for what is no such signature."""
    raw = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    if len(raw) != 64:
        raise ValueError("it does not have 64 bytes")
    numbers = b"".join(_integer(raw[start : start + 32]) for start in (0, 32))
    return bytes([0x30, len(numbers)]) + numbers


def _integer(number: bytes) -> bytes:
    short = number.lstrip(b"\0") or b"\0"
    positive = b"\0" + short if short[0] & 0x80 else short
    return bytes([0x02, len(positive)]) + positive
