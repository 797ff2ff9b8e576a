"""Whether a hosted zone can lead the host name to the load balancer, and prove to ACM whose the name is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import Problem, problem
from plan.checks.permanent import PermanentResources
from plan.config.settings import Settings
from plan.readers.hosted_zone import HostedZone, ZoneRecord


@dataclass(frozen=True)
class ZonePlan:
    """What of the zone's records is there before the stack's own.

    `takes_over`: the host name leads to this load balancer yet, by a record that somebody else made. `validated`: so
    does the record that ACM asks for, and it stays theirs.
    """

    takes_over: bool = False
    validated: bool = False


def zone_plan(zone: HostedZone | None, before: PermanentResources, *, balancer: str) -> ZonePlan:
    """`balancer`: the DNS name of the one that the host name is to lead to; empty when it is not there yet."""
    if zone is None:
        return ZonePlan()
    others = [one for one in zone.validations if one.within(zone.id) not in before.records]
    return ZonePlan(
        takes_over=any(one.within(zone.id) not in before.records for one in _leading_here(zone, balancer)),
        validated=bool(others),
    )


def _leading_here(zone: HostedZone, balancer: str) -> list[ZoneRecord]:
    """Aliases of the load balancer that the program could have made: what it declares is the same."""
    return [one for one in zone.records if balancer and one.alias == balancer.lower() and not one.label]


def problems(
    s: Settings, zone: HostedZone | None, before: PermanentResources, *, balancer: str, certifies: bool
) -> Iterator[Problem]:
    """What AWS would refuse, or nobody's question would ever reach. `certifies`: the zone is to prove it to ACM too."""
    yield from _kept_name(s, before)
    if zone is None:
        return
    if not zone.name:
        yield problem(
            "PHX-362",
            "hostedZoneId",
            zone.id,
            "must be a hosted zone of this account; there is none such",
            "aws route53 list-hosted-zones, and pulumi config set hostedZoneId ID",
        )
        return
    if not zone.holds(s.hostname):
        yield problem(
            "PHX-363",
            "hostname",
            s.hostname,
            f"must be a name in the hosted zone {zone.id}, which is {zone.name}'s",
            f"pulumi config set hostname shop.{zone.name}, or hostedZoneId ANOTHER",
        )
        return
    if zone.private and certifies:
        yield problem(
            "PHX-364",
            "hostedZoneId",
            zone.id,
            "must be a public hosted zone without certificateArn (this one is private): ACM sees public records alone,"
            " and would issue no certificate",
            f"pulumi config set hostedZoneId THE-PUBLIC-ZONE-OF-{zone.name}, or certificateArn ARN",
        )
    if zone.delegated:
        yield problem(
            "PHX-365",
            "hostedZoneId",
            zone.id,
            f"must be the zone that answers for {s.hostname}: by its NS records another one answers for"
            f" {zone.delegated}, and nobody would ask for a record here",
            f"aws route53 list-hosted-zones-by-name --dns-name {zone.delegated}, and pulumi config set hostedZoneId ID",
        )
    ours = _leading_here(zone, balancer)
    for one in zone.records:
        if one.within(zone.id) not in before.records and one not in ours:
            yield problem(
                "PHX-366",
                "hostname",
                s.hostname,
                f"must be a name without {one.type} records of somebody else's (there are in {zone.id}"
                f"{f', for {one.alias}' if one.alias else ''}): users of them are there",
                "another hostname; or have that record be an alias of this stack's load balancer (the output dnsName):"
                " such a one is taken over as it is",
            )


def _kept_name(s: Settings, before: PermanentResources) -> Iterator[Problem]:
    """A name that users know is not deleted by the way where `protect` says that this is production."""
    gone = before.alias and (not s.hosted_zone_id or s.hostname != before.alias)
    if gone and s.protect:
        yield problem(
            "PHX-367",
            "hostname" if s.hosted_zone_id else "hostedZoneId",
            s.hostname if s.hosted_zone_id else "",
            f"must not take {before.alias} from its users while protect is true: the record that leads them here would"
            " be deleted",
            f"pulumi config set protect false with it; or pulumi config set hostname {before.alias}, with its"
            " hostedZoneId",
        )
