"""What outlives every group, as the state has it, and what of the settings can't be made of it while users are there.
Pure; `plan.report.permanent_rows` says in words what can.

In place, or beside each other until the new one serves: listeners, certificates, who may come in, the load balancer's
subnets. Never: the network, and whether the load balancer has public addresses. A VPC's own IPv4 network can't be
changed, nothing that stands in one can move to another, and a load balancer's scheme is chosen when it is made (Amazon
VPC user guide, "VPC CIDR blocks"; Elastic Load Balancing API reference, SetSubnets, CreateLoadBalancer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import Problem, problem
from plan.config.settings import IDLE_SECONDS, Settings
from plan.readers.stack_state import Resource, StateInventory

BESIDE = (
    "another network is another stack beside it: pulumi stack init NAME, pulumi up, DNS to its dnsName, pulumi destroy"
)
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
BUCKET = "aws:s3/bucket:Bucket"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
RECORD = "aws:route53/record:Record"
CERTIFICATE = "aws:acm/certificate:Certificate"
WEB_ACL = "aws:wafv2/webAclAssociation:WebAclAssociation"
UNBORN = "nothing is live yet: pulumi destroy, then pulumi up"


@dataclass(frozen=True)
class Listener:
    """A listener of the state. `name` is its logical one; `redirects`: its default action leads to another port.

    `tls_policy`: its security policy; `hsts`: the header that it adds, a text; both empty for none.
    """

    name: str
    arn: str
    port: int
    protocol: str
    certificate: str = ""
    redirects: bool = False
    tls_policy: str = ""
    hsts: str = ""


@dataclass(frozen=True)
class Rule:
    """One of the service's rules in the state."""

    arn: str
    listener: str
    priority: int
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class PermanentResources:
    """What the state holds. `vpc_cidr`: of a VPC that the program made; empty when there is none of its own.
    `vpc_ipv6`: whether that has a network of IPv6 too.

    `balancer` (ARN), with its `vpc`, `subnets`, `listeners`, `cidrs` (who may come in) and `web_acl` (ARN), is the
    program's own too; `internal`: it has no public address; `ip_address_type` as AWS says it; `idle_seconds` after
    which it closes a connection; `log_bucket` had its access logs last. `log_days`: of what a bucket of the program's
    own keeps; 0 without one.
    `rules` are the service's, on whatever listener, by what they are: preview, production; and the redirect. `dns`: the
    load balancer's DNS name. `alias`: the host name that the service's record leads here; `certified`: the one that its
    certificate was made for; `records` are all of hosted zones, each by its zone, name, type and label; empty where
    there is none.
    """

    vpc_cidr: str = ""
    vpc_ipv6: bool = False
    balancer: str = ""
    vpc: str = ""
    subnets: frozenset[str] = frozenset()
    protected: bool = False
    internal: bool = False
    web_acl: str = ""
    ip_address_type: str = "ipv4"
    idle_seconds: int = IDLE_SECONDS
    log_bucket: str = ""
    log_days: int = 0
    listeners: tuple[Listener, ...] = ()
    cidrs: frozenset[str] = frozenset()
    hostname: str = ""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    dns: str = ""
    alias: str = ""
    certified: str = ""
    records: frozenset[tuple[str, ...]] = frozenset()
    dashboard: bool = False

    @property
    def ports(self) -> dict[int, Listener]:
        """The listeners by their ports."""
        return {one.port: one for one in self.listeners}


def read_permanent(made: StateInventory, *, owner: str, identity: str) -> PermanentResources:
    """What is in the state.

    `owner`: SERVICE/STACK of the tag on network and load balancer; `identity`: of that on the service's rules.
    """

    def all_of(kind: str, stack: str = "") -> list[Resource]:
        return [one for one in made.resources if one.type == kind and stack in ("", one.owner)]

    def first(found: list[Resource]) -> Mapping[str, Any]:
        return found[0].outputs if found else {}

    balancer = first(all_of("aws:lb/loadBalancer:LoadBalancer", owner))
    name = identity.replace("/", "-")
    alias, certificate = made.find(RECORD, f"{name}-a"), made.find(CERTIFICATE, f"{name}-certificate")
    arn, walls = balancer.get("arn", ""), balancer.get("securityGroups") or []
    fronts = [one for one in all_of("phoenix:index:LoadBalancer") if arn and one.arn == arn]
    rules = {
        one.outputs["tags"].get("phoenix:rule"): _rule(one)
        for stack in (owner, identity)
        for one in all_of("aws:lb/listenerRule:ListenerRule", stack)
    }
    own_vpc = first(all_of("aws:ec2/vpc:Vpc", owner))
    return PermanentResources(
        vpc_cidr=own_vpc.get("cidrBlock", ""),
        vpc_ipv6=bool(own_vpc.get("assignGeneratedIpv6CidrBlock")),
        balancer=arn,
        vpc=balancer.get("vpcId", ""),
        subnets=frozenset(balancer.get("subnets") or ()),
        protected=bool(balancer.get("enableDeletionProtection")),
        internal=bool(balancer.get("internal")),
        ip_address_type=balancer.get("ipAddressType") or "ipv4",
        idle_seconds=int(balancer.get("idleTimeout") or IDLE_SECONDS),
        log_bucket=(balancer.get("accessLogs") or {}).get("bucket") or "",
        log_days=_kept_days(first(all_of(BUCKET, owner)).get("id", ""), all_of(LIFECYCLE)),
        web_acl=next(
            (one.outputs.get("webAclArn") or "" for one in all_of(WEB_ACL) if one.outputs.get("resourceArn") == arn), ""
        ),
        listeners=tuple(
            _listener(one)
            for one in all_of("aws:lb/listener:Listener")
            if arn and one.outputs.get("loadBalancerArn") == arn
        ),
        cidrs=frozenset(
            cidr
            for one in all_of(INGRESS)
            if one.outputs.get("securityGroupId") in walls
            for cidr in (one.outputs.get("cidrIpv4"), one.outputs.get("cidrIpv6"))
            if cidr
        ),
        hostname=first(fronts).get("hostname") or "",
        rules={kind: rule for kind, rule in rules.items() if kind},
        dns=balancer.get("dnsName", ""),
        alias=alias.outputs.get("name", "") if alias else "",
        certified=certificate.outputs.get("domainName", "") if certificate else "",
        records=frozenset(_record(one.outputs) for one in all_of(RECORD)),
        dashboard=any(one.outputs.get("dashboardName") == name for one in all_of("aws:cloudwatch/dashboard:Dashboard")),
    )


def _kept_days(bucket: str, lifecycles: list[Resource]) -> int:
    """After how many a bucket's objects expire."""
    said = next((one.outputs for one in lifecycles if bucket and one.outputs.get("bucket") == bucket), {})
    rules = said.get("rules") or [{}]
    return int((rules[0].get("expiration") or {}).get("days") or 0)


def _listener(one: Resource) -> Listener:
    said = one.outputs
    actions = said.get("defaultActions") or []
    return Listener(
        one.name,
        one.arn,
        int(said.get("port") or 0),
        str(said.get("protocol") or ""),
        said.get("certificateArn") or "",
        any(action.get("type") == "redirect" for action in actions),
        said.get("sslPolicy") or "",
        said.get("routingHttpResponseStrictTransportSecurityHeaderValue") or "",
    )


def _record(said: Mapping[str, Any]) -> tuple[str, ...]:
    name = str(said.get("fqdn") or said.get("name") or "").rstrip(".").lower()
    return (said.get("zoneId") or "", name, said.get("type") or "", said.get("setIdentifier") or "")


def _rule(one: Resource) -> Rule:
    said = one.outputs
    hosts = [
        condition["hostHeader"]
        for condition in said.get("conditions") or []
        if isinstance(condition, Mapping) and condition.get("hostHeader")
    ]
    return Rule(
        one.arn,
        said.get("listenerArn") or "",
        int(said.get("priority") or 0),
        tuple(hosts[0].get("values") or ()) if hosts else (),
    )


def wanted_ports(s: Settings) -> dict[int, str]:
    """The ports of the program's own load balancer with their protocols, the main one first."""
    return {s.port: "HTTPS", 80: "HTTP"} if s.is_https else {s.port: "HTTP"}


def problems(before: PermanentResources, s: Settings) -> Iterator[Problem]:
    """Changes that would take the stack from its users, or that AWS refuses half-way; each with the deliberate way."""
    yield from _network(before, s)
    if s.listener_arn:
        yield from _priority(before, s)
        return
    if before.balancer and before.internal != s.internal:
        yield problem(
            "PHX-356",
            "internal",
            str(s.internal).lower(),
            f"must stay {str(before.internal).lower()}: a load balancer can't change between public and internal, and"
            " another one would take its users' name from them",
            f"pulumi config set internal {str(before.internal).lower()}\n      {_elsewhere(before)}",
        )
    for port, protocol in wanted_ports(s).items():
        existing = before.ports.get(port)
        if existing and existing.protocol != protocol:
            free = 80 if protocol == "HTTP" else 8443 if port == 443 else 443
            yield problem(
                "PHX-336",
                "listenerPort",
                port,
                f"must be another port when {existing.protocol} becomes {protocol}: both can't be"
                f" on {port} while users move, and whoever still speaks {existing.protocol} would be refused at once",
                f"pulumi config set listenerPort {free}   (and once users are there, back to {port} if you like)",
            )
    if before.protected and (goes := _protected(before, s)):
        yield problem(
            "PHX-340",
            "protect",
            str(s.protect).lower(),
            f"must have been false before {goes}: what is protected can't be deleted or moved",
            f"pulumi config set protect false, with {commands_back(before)}, and pulumi up; then this"
            " change and pulumi up; then protect true again",
        )


def _elsewhere(before: PermanentResources) -> str:
    """The deliberate way to what can't change."""
    return BESIDE.replace("another network", "that") if before.rules else UNBORN


def _network(before: PermanentResources, s: Settings) -> Iterator[Problem]:
    """Into, out of, and inside a VPC of the program's own; from one that is adopted to another, or to none."""
    never = "the network of a stack that stands can't change, and nothing in it can move"
    way = _elsewhere(before)
    if before.vpc_cidr and s.vpc_id:
        yield problem(
            "PHX-334",
            "vpcId",
            s.vpc_id,
            f"must stay empty: this stack made its own network; {never}",
            f"pulumi config rm-all vpcId albSubnetIds serverSubnetIds\n      {way}",
        )
    elif before.vpc_cidr and s.vpc_cidr != before.vpc_cidr:
        yield problem(
            "PHX-332",
            "vpcCidr",
            s.vpc_cidr,
            f"must stay {before.vpc_cidr}: {never}",
            f"pulumi config set vpcCidr {before.vpc_cidr}\n      {way}",
        )
    elif before.balancer and not before.vpc_cidr and before.vpc and s.vpc_id != before.vpc:
        yield problem(
            "PHX-333",
            "vpcId",
            s.vpc_id,
            f"must stay {before.vpc}, with its subnets: {never}",
            f"pulumi config set vpcId {before.vpc}, and albSubnetIds and serverSubnetIds of it\n      {way}",
        )


def _priority(before: PermanentResources, s: Settings) -> Iterator[Problem]:
    """Rules change their numbers one after the other, and no two may have one number meanwhile."""
    existing = before.rules.get("preview")
    if existing and existing.listener == s.listener_arn and abs(s.rule_priority - existing.priority) == 1:
        yield problem(
            "PHX-341",
            "rulePriority",
            s.rule_priority,
            f"must be {existing.priority}, or two away from it at least: rules move one"
            " after the other, and this stack's own other rule still has the number",
            f"pulumi config set rulePriority {existing.priority + 10}",
        )


def _protected(before: PermanentResources, s: Settings) -> str:
    """What of the protected things the settings would have deleted or replaced, in words."""
    goes = [f"{one.protocol} {one.port} closes" for one in before.listeners if one.port not in wanted_ports(s)]
    if before.log_days and not s.kept_days:
        goes.append("the logs go, with their bucket")
    existing = before.rules.get("production")
    main = before.ports.get(s.port)
    if existing and (main is None or existing.listener != main.arn):
        goes.append(f"production moves to port {s.port}")
    return " and ".join(goes)


def commands_back(before: PermanentResources) -> str:
    """What to type for the listener that has production now."""
    existing = before.rules.get("production")
    main = next((one for one in before.listeners if existing and one.arn == existing.listener), None)
    if main is None:
        return "the listener as it was"
    made = bool(main.certificate and before.certified)
    certificate = (
        f"hostname {before.certified} and its hostedZoneId"
        if made
        else f"certificateArn {main.certificate}"
        if main.certificate
        else "no certificateArn"
    )
    return f"listenerPort {main.port} and {certificate} still"
