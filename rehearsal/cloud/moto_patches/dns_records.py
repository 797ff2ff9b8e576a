"""Records that Route 53 refuses and moto lets through: a second one of a name, an alias of what is not there.

Sources: "Supported DNS record types" and "Choosing between alias and non-alias records" in the Route 53 developer
guide; the words are those of ChangeResourceRecordSets.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import elbv2_backends
from moto.route53.exceptions import DnsNameInvalidForZone, Route53ClientError
from moto.route53.models import Route53Backend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import ACCOUNT, CloudState


@around(Route53Backend, "change_resource_record_sets")
def changes_what_can_be(
    cloud: CloudState, original: Correction, backend: Any, zoneid: str, change_list: list[dict[str, Any]]
) -> None:
    zone = backend.get_hosted_zone(zoneid)
    for change in change_list:
        if change["Action"] != "DELETE":
            _check(cloud.region, zone, change["ResourceRecordSet"], new=change["Action"] == "CREATE")
    original(backend, zoneid, change_list)


def _check(region: str, zone: Any, wanted: dict[str, Any], *, new: bool) -> None:
    name, type = wanted["Name"].rstrip("."), wanted["Type"]
    if not f".{name}".endswith(f".{zone.name.rstrip('.')}"):
        raise DnsNameInvalidForZone(name=name, zone_name=zone.name)
    alike = [one for one in zone.rrsets if one.name.rstrip(".") == name]
    if new and any((one.type, one.set_identifier) == (type, wanted.get("SetIdentifier")) for one in alike):
        raise Route53ClientError(
            "InvalidChangeBatch",
            f"[Tried to create resource record set [name='{name}.', type='{type}'] but it already exists]",
        )
    if any("CNAME" in (type, one.type) and one.type != type for one in alike):
        raise Route53ClientError(
            "InvalidChangeBatch",
            f"[RRSet of type {type} with DNS name {name}. is not permitted because a conflicting RRSet of type"
            f" {alike[0].type} with the same DNS name already exists in zone {zone.name}]",
        )
    if alias := wanted.get("AliasTarget"):
        _check_alias(region, alias)


def _check_alias(region: str, alias: dict[str, Any]) -> None:
    target = alias["DNSName"].rstrip(".").removeprefix("dualstack.")
    found = elbv2_backends[ACCOUNT][region].load_balancers.values()
    if not any(one.dns_name == target and one.canonical_hosted_zone_id == alias["HostedZoneId"] for one in found):
        raise Route53ClientError(
            "InvalidChangeBatch",
            f"[Tried to create an alias that targets {target}., type A in zone {alias['HostedZoneId']}, but the alias"
            " target name does not lie within the target zone, or it was not found]",
        )
