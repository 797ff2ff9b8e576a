"""A hosted zone of Route 53, and what it says of the host name that users type, as AWS tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from botocore.exceptions import ClientError

from core.aws import error_code
from plan.config.settings import Settings

# Records by which a name leads somewhere.
ADDRESSES = ("A", "AAAA", "CNAME")
# The record that ACM asks for has a name of its own for each domain and account, alike for all certificates of it (ACM
# user guide, "DNS validation").
VALIDATION = re.compile(r"_[0-9a-f]{32}")


@dataclass(frozen=True)
class ZoneRecord:
    """A set of records. `alias`: the DNS name that it is another name for, without `dualstack.`; empty for none."""

    name: str
    type: str
    alias: str = ""
    label: str = ""  # SetIdentifier, of one of several with a routing policy

    def within(self, zone: str) -> tuple[str, ...]:
        """What it is told from all others by."""
        return (zone, self.name, self.type, self.label)


@dataclass(frozen=True)
class HostedZone:
    """A zone. `name` is empty when there is none such; `records` of the host name lead somewhere.

    `delegated`: the name of NS records in it, so that another zone answers for the host name; empty for none.
    `validations`: records by which ACM knows that the host name is this account's.
    """

    id: str
    name: str = ""
    private: bool = False
    records: tuple[ZoneRecord, ...] = ()
    validations: tuple[ZoneRecord, ...] = ()
    delegated: str = ""

    def holds(self, hostname: str) -> bool:
        """Whether a name is the zone's or below it."""
        return bool(self.name) and f".{hostname}".endswith(f".{self.name}")


def read_hosted_zone(dns: Any, s: Settings) -> HostedZone | None:
    """The zone that the settings name; None without one. Raises ClientError."""
    if dns is None:
        return None
    try:
        found = dns.get_hosted_zone(Id=s.hosted_zone_id)["HostedZone"]
    except ClientError as error:
        if error_code(error) == "NoSuchHostedZone":
            return HostedZone(s.hosted_zone_id)
        raise
    zone = HostedZone(s.hosted_zone_id, _plain(found["Name"]), bool(found.get("Config", {}).get("PrivateZone")))
    if not zone.holds(s.hostname):
        return zone
    of_name = list(takewhile(lambda one: one.name == s.hostname, _records(dns, zone.id, s.hostname)))
    return HostedZone(
        zone.id,
        zone.name,
        zone.private,
        tuple(one for one in of_name if one.type in ADDRESSES),
        tuple(_validations(dns, zone.id, s.hostname)),
        next(_delegations(dns, zone, s.hostname), ""),
    )


def _records(dns: Any, zone: str, name: str, type: str = "") -> Iterator[ZoneRecord]:
    """Those from a name on, in the order of Route 53: by the labels of names from the last, then by type.

    It pages by hand: the paginator has no way to begin with a name and to stop before the end of a large zone.
    """
    begin = {"StartRecordName": name, **({"StartRecordType": type} if type else {})}
    while True:
        page = dns.list_resource_record_sets(HostedZoneId=zone, **begin)
        yield from map(_record, page["ResourceRecordSets"])
        if not page["IsTruncated"]:
            return
        keys = {"NextRecordName": "Name", "NextRecordType": "Type", "NextRecordIdentifier": "Identifier"}
        begin = {f"StartRecord{short}": page[key] for key, short in keys.items() if key in page}


def _record(one: Any) -> ZoneRecord:
    alias = _plain(one.get("AliasTarget", {}).get("DNSName", "")).removeprefix("dualstack.")
    return ZoneRecord(_plain(one["Name"]), one["Type"], alias, one.get("SetIdentifier", ""))


def _validations(dns: Any, zone: str, hostname: str) -> Iterator[ZoneRecord]:
    for one in _records(dns, zone, f"_.{hostname}"):
        below = one.name.removesuffix(f".{hostname}")
        if below == one.name or not below.split(".")[-1].startswith("_"):
            return
        if one.type == "CNAME" and VALIDATION.fullmatch(below):
            yield one


def _delegations(dns: Any, zone: HostedZone, hostname: str) -> Iterator[str]:
    """Names from the host name up to below the zone's own that have NS records."""
    name = hostname
    while name != zone.name:
        first = next(_records(dns, zone.id, name, "NS"), None)
        if first and (first.name, first.type) == (name, "NS"):
            yield name
        name = name.partition(".")[2]


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
