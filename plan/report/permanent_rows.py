"""What an update does to what outlives every group, as rows of the plan. Pure."""

from __future__ import annotations

from collections.abc import Collection

from plan.checks.permanent import PermanentResources, Rule, wanted_ports
from plan.config.settings import DUALSTACK, Settings
from plan.readers.live_state import LiveState


def permanent_rows(before: PermanentResources, s: Settings, live: LiveState, *, front: bool) -> list[tuple[str, str]]:
    """Changes of permanent resources, as rows of the plan; none when nothing changes, or nothing exists yet.

    `front`: the settings speak of network and load balancer too, and not of a service's rules alone.
    """
    existing = before.rules.get("production")
    found = _listeners(before, s, existing.listener if existing else "") if front and before.balancer else []
    if front and before.balancer:
        if moved := added(before.cidrs, s.allowed_cidrs):
            found.append(("access", f"allowedCidrs {moved}: new ones are let in first, others kept out last of all"))
        if s.vpc_id and (moved := added(before.subnets, s.alb_subnet_ids)):
            found.append(
                (
                    "network",
                    f"albSubnetIds {moved}: in place; an address of a subnet that goes leaves the"
                    " balancer's DNS name first, and who still has it is refused",
                )
            )
        if before.vpc_cidr and s.ip_address_type == DUALSTACK and not before.vpc_ipv6:
            found.append(("network", "it gets IPv6, and so do the load balancer's subnets: in place, and it stays"))
        found += _judged(before, s)
        found += _switched(
            "protect",
            was=before.protected,
            now=s.protect,
            yes="listener and rules are kept from deletion",
            no="they may be deleted from then on",
        )
    in_use = {subnet for group in live.groups if group.weight for subnet in group.subnets}
    if in_use and s.server_subnet_ids and (moved := added(in_use, s.server_subnet_ids)):
        found.append(("network", f"serverSubnetIds {moved}: of servers that are launched from now on"))
    wanted = s.hostname if s.hosted_zone_id else ""
    if existing and before.alias != wanted:
        lost = f"; users of {before.alias} find nothing any more" if before.alias else ""
        found.append(("DNS", f"{before.alias or 'none'} -> {wanted or 'none'}: by a record in hostedZoneId{lost}"))
    if existing:
        found += _named(before, s, existing)
        found += _switched("dashboard", was=before.dashboard, now=s.dashboard, yes="is made", no="is deleted")
    return found


def _listeners(before: PermanentResources, s: Settings, serving: str) -> list[tuple[str, str]]:
    """`serving`: the listener (ARN) that has production now."""
    now, ports = wanted_ports(s), before.ports
    main = f"{now[s.port]} {s.port}"
    opens = [
        f"{protocol} {port} opens, "
        + ("and serves beside what serves now" if port == s.port else f"and redirects to {main}")
        for port, protocol in now.items()
        if port not in ports
    ]
    closes = [
        f"{one.protocol} {one.port} closes, last of all: whoever still asks there is refused from then on"
        for one in before.listeners
        if one.port not in now
    ]
    stays = []
    for one in before.listeners:
        if one.port in now and one.port != s.port and one.arn == serving:
            stays.append(f"{one.protocol} {one.port} serves until {main} does, then it redirects there")
        elif one.port == s.port and serving and one.arn != serving:
            stays.append(f"{main} serves itself, beside what serves now")
        elif one.port in now and one.port != s.port and opens:
            stays.append(f"{one.protocol} {one.port} redirects to {main}, once that serves")
    found = [("listener", text) for text in [*opens, *stays, *closes]]
    existing = ports.get(s.port)
    if existing and existing.tls_policy and s.is_https and existing.tls_policy != s.tls_policy:
        found.append(
            (
                "TLS",
                f"{existing.tls_policy} -> {s.tls_policy}: in place; who speaks none of its ciphers is refused"
                " (tlsPolicy)",
            )
        )
    made = s.makes_certificate and before.certified != s.hostname
    wanted = f"one for {s.hostname} that ACM issues, by its record in hostedZoneId" if made else s.certificate_arn
    if existing and existing.certificate and wanted not in ("", existing.certificate):
        found.append(("certificate", f"{existing.certificate} -> {wanted}: in place"))
    return found


def _judged(before: PermanentResources, s: Settings) -> list[tuple[str, str]]:
    """What requests and browsers are told, and who judges them."""
    found = []
    if before.web_acl != s.web_acl_arn:
        found.append(("web ACL", f"{before.web_acl or 'none'} -> {s.web_acl_arn or 'none'}: in place"))
    if before.ip_address_type != s.ip_address_type:
        found.append(("addresses", f"{before.ip_address_type} -> {s.ip_address_type} (ipAddressType): in place"))
    if before.idle_seconds != s.idle_timeout_seconds:
        found.append(("idle", f"{before.idle_seconds} s -> {s.idle_timeout_seconds} s (idleTimeoutSeconds): in place"))
    if before.log_days != s.kept_days:
        gone = "" if s.kept_days else ": all of them are deleted"
        found.append(("logs", f"kept for {before.log_days} days -> {s.kept_days}{gone}"))
    existing = before.ports.get(s.port)
    now = f"max-age={s.hsts}"
    if existing and existing.protocol == "HTTPS" and existing.hsts != now and (existing.hsts or s.hsts):
        effect = (
            "they forget it" if not s.hsts else f"for {s.hsts} seconds they come by HTTPS alone, whatever is set later"
        )
        found.append(("HSTS", f"{existing.hsts or 'none'} -> {now}: browsers that come are told, and {effect}"))
    return found


def _named(before: PermanentResources, s: Settings, existing: Rule) -> list[tuple[str, str]]:
    """Whom the rules are for: host name, and on a listener that others use too, their place among them."""
    found = []
    if existing.hosts and s.hostname not in existing.hosts:
        found.append(
            (
                "hostname",
                f"{', '.join(existing.hosts)} -> {s.hostname}: requests for the old one are this service's no longer",
            )
        )
    elif not existing.hosts and before.hostname != s.hostname and before.hostname:
        found.append(
            (
                "hostname",
                f"{before.hostname} -> {s.hostname or 'none'}: what probes ask for"
                + ("" if s.hosted_zone_id else "; DNS is yours"),
            )
        )
    preview = before.rules.get("preview")
    if existing.hosts and preview and s.rule_priority != preview.priority:
        found.append(("rules", f"rulePriority {preview.priority} -> {s.rule_priority}, in place"))
    return found


def _switched(key: str, *, was: bool, now: bool, yes: str, no: str) -> list[tuple[str, str]]:
    return [] if was == now else [(key, f"{str(was).lower()} -> {str(now).lower()}: {yes if now else no}")]


def added(was: Collection[str], now: Collection[str]) -> str:
    """`+ new, - old`; empty when there is no difference."""
    return ", ".join(
        [*(f"+ {one}" for one in sorted(set(now) - set(was))), *(f"- {one}" for one in sorted(set(was) - set(now)))]
    )
