"""Where servers may go, as `allowedEgress` lists it: `CIDR`, `CIDR:PORT`, `CIDR:PORT-PORT`, with `/udp` or TCP.

What no security group holds: the addresses of the VPC's own name server, of its clock and of instance metadata (Amazon
VPC user guide, "Control traffic to your AWS resources using security groups").
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

EVERYWHERE = "0.0.0.0/0"
# Systems Manager, Secrets Manager and Parameter Store are reached by HTTPS.
HTTPS = 443
WAY = re.compile(r"(?P<cidr>[0-9./]+)(?::(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<protocol>tcp|udp))?)?")
RULE = "an IPv4 network with a port behind it or none, as 0.0.0.0/0:443, 10.0.0.0/8:5432-5433 or 10.0.0.5/32:514/udp"


@dataclass(frozen=True)
class Egress:
    """One way out. `protocol` -1 is every one, on whatever port."""

    cidr: str
    protocol: str = "-1"
    first: int | None = None
    last: int | None = None

    def reaches(self, port: int) -> bool:
        """Whether a connection of TCP to a port goes this way."""
        if self.first is None or self.last is None:
            return True
        return self.protocol == "tcp" and self.first <= port <= self.last


def parse_egress(text: str) -> Egress:
    """Raises ValueError with what it must be."""
    found = WAY.fullmatch(text)
    try:
        if not found or "/" not in found["cidr"]:
            raise ValueError
        cidr = str(ipaddress.IPv4Network(found["cidr"]))
    except ValueError:
        raise ValueError(RULE) from None
    if found["first"] is None:
        return Egress(cidr)
    first = int(found["first"])
    last = int(found["last"] or first)
    if not 1 <= first <= last <= 65535:
        raise ValueError(RULE)
    return Egress(cidr, found["protocol"] or "tcp", first, last)


def reaches_https(ways: Iterable[str]) -> bool:
    """Whether servers get anywhere by HTTPS."""
    return any(parse_egress(way).reaches(HTTPS) for way in ways)
