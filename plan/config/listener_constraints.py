"""The rules that join keys about the listener: the stack's own, or one that is there already."""

from __future__ import annotations

import json

from core import partitions
from core.errors import problem
from plan.config.constraint import BrokenConstraints, command
from plan.config.settings import DUALSTACK, IDLE_SECONDS, TLS_POLICY, Settings

# Of the name that a certificate is asked for by (ACM API reference, RequestCertificate, DomainName).
COMMON_NAME = 64


def listener_constraints(s: Settings) -> BrokenConstraints:
    """About the load balancer's own ports, names and certificates."""
    yield from _certificate_constraints(s)
    yield from _port_constraints(s)
    yield from _dualstack_constraints(s)
    yield from _reach_constraints(s)


def _certificate_constraints(s: Settings) -> BrokenConstraints:
    """The name that users type, and the certificate that has it."""
    if s.hosted_zone_id and not s.hostname:
        yield (
            ("hostedZoneId", "hostname"),
            problem(
                "PHX-178",
                "hostname",
                "",
                "must be set with hostedZoneId: it is the name that leads to the load balancer",
                "pulumi config set hostname shop.example.com",
            ),
        )
    if s.makes_certificate and len(s.hostname) > COMMON_NAME:
        yield (
            ("hostedZoneId", "hostname"),
            problem(
                "PHX-179",
                "hostname",
                s.hostname,
                f"must have at most {COMMON_NAME} characters for a certificate of its own (it has {len(s.hostname)})",
                "a shorter hostname, or certificateArn of a certificate that has it as an alternative name",
            ),
        )
    if s.certificate_arn and not s.hostname:
        yield (
            ("certificateArn", "hostname"),
            problem(
                "PHX-125",
                "hostname",
                "",
                "must be the certificate's DNS name: probes check the certificate against it",
                "pulumi config set hostname shop.example.com",
            ),
        )
    if s.certificate_arn and s.certificate_arn.split(":")[3] != s.region:
        yield (
            ("certificateArn",),
            problem(
                "PHX-126",
                "certificateArn",
                s.certificate_arn,
                f"must be in the load balancer's region ({s.region})",
                f"pulumi config set certificateArn arn:{partitions.of(s.region)}:acm:{s.region}:...",
            ),
        )


def _port_constraints(s: Settings) -> BrokenConstraints:
    """HTTPS belongs to port 443, and plain HTTP to 80."""
    secured = "HTTPS" if s.is_https else "HTTP"
    if s.hsts_seconds > 0 and not (s.is_https and s.port == 443):
        yield (
            ("hstsSeconds", "certificateArn", "listenerPort"),
            problem(
                "PHX-168",
                "hstsSeconds",
                s.hsts_seconds,
                f"must be 0 or -1 unless the listener is HTTPS on port 443 (it is {secured}"
                f" on {s.port}): browsers that obey it go to no other",
                "pulumi config rm hstsSeconds   (or set certificateArn, and listenerPort 443)",
            ),
        )
    if s.is_https and s.port == 80:
        yield (
            ("listenerPort",),
            problem(
                "PHX-127",
                "listenerPort",
                80,
                "must not be 80 with a certificate: port 80 redirects to HTTPS",
                "pulumi config set listenerPort 443",
            ),
        )


def _reach_constraints(s: Settings) -> BrokenConstraints:
    """Who gets to the load balancer."""
    if s.web_acl_arn and s.web_acl_arn.split(":")[3] != s.region:
        yield (
            ("webAclArn",),
            problem(
                "PHX-164",
                "webAclArn",
                s.web_acl_arn,
                f"must be in the load balancer's region ({s.region})",
                f"pulumi config set webAclArn arn:{partitions.of(s.region)}:wafv2:{s.region}:...",
            ),
        )
    if s.internal and not s.vpc_id:
        yield (
            ("internal", "vpcId"),
            problem(
                "PHX-165",
                "internal",
                "true",
                "must come with vpcId: into a network that is only being made nobody has a way, and the probes of this"
                " very update must reach the load balancer",
                "pulumi config set vpcId vpc-...  (with its subnets), and run the update inside it",
            ),
        )
    if not s.allowed_cidrs:
        yield (
            ("allowedCidrs",),
            problem(
                "PHX-128",
                "allowedCidrs",
                "[]",
                "must name who may reach the load balancer",
                command("allowedCidrs", '["0.0.0.0/0"]'),
            ),
        )


def _dualstack_constraints(s: Settings) -> BrokenConstraints:
    """Users of IPv6 need a load balancer with such addresses, a network with them, and to be let in."""
    of_ipv6 = [one for one in s.allowed_cidrs if ":" in one]
    if of_ipv6 and s.ip_address_type != DUALSTACK and not s.listener_arn:
        yield (
            ("allowedCidrs", "ipAddressType"),
            problem(
                "PHX-183",
                "allowedCidrs",
                list(s.allowed_cidrs),
                f"must name IPv4 networks alone unless ipAddressType is {DUALSTACK}: nobody comes from {of_ipv6[0]} to"
                " IPv4 addresses",
                f"pulumi config set ipAddressType {DUALSTACK}, or take it out of allowedCidrs",
            ),
        )
    if s.ip_address_type != DUALSTACK or s.listener_arn:
        return
    if s.allowed_cidrs and not of_ipv6:
        yield (
            ("ipAddressType", "allowedCidrs"),
            problem(
                "PHX-185",
                "allowedCidrs",
                list(s.allowed_cidrs),
                f"must let IPv6 in too with ipAddressType {DUALSTACK}: whoever has IPv6 tries it first, and would wait",
                command("allowedCidrs", json.dumps([*s.allowed_cidrs, "::/0"])),
            ),
        )


def existing_listener_constraints(s: Settings) -> BrokenConstraints:
    """About a listener that is there already: what it needs beside it, and what is its owner's to say."""
    yield from _take_over_constraints(s)
    if not s.listener_arn:
        return
    if s.listener_arn.split(":")[3] != s.region:
        yield (
            ("listenerArn",),
            problem(
                "PHX-129",
                "listenerArn",
                s.listener_arn,
                f"must be in the stack's region ({s.region})",
                f"pulumi config set listenerArn arn:{partitions.of(s.region)}:elasticloadbalancing:{s.region}:...",
            ),
        )
    for key, value, why, example in (
        ("vpcId", s.vpc_id, "servers stand in the network of the load balancer", "vpc-...  (with its subnets)"),
        ("hostname", s.hostname, "it tells this service's requests from others'", "shop.example.com"),
    ):
        if not value:
            yield (
                ("listenerArn", key),
                problem(
                    "PHX-130", key, "", f"must be set with listenerArn: {why}", f"pulumi config set {key} {example}"
                ),
            )
    for key, said, why in _of_its_owner(s):
        if said:
            yield (
                ("listenerArn", key),
                problem("PHX-131", key, said, f"must not be set with listenerArn: {why}", f"pulumi config rm {key}"),
            )


def _take_over_constraints(s: Settings) -> BrokenConstraints:
    """About a target group whose production is taken over: it is on the listener that is there already."""
    old = s.take_over_target_group
    if old and not s.listener_arn:
        yield (
            ("takeOverTargetGroup", "listenerArn"),
            problem(
                "PHX-187",
                "takeOverTargetGroup",
                old,
                "must be set with listenerArn: production is taken over on the listener that has it",
                f"pulumi config set listenerArn arn:{partitions.of(s.region)}:elasticloadbalancing:{s.region}:...",
            ),
        )
    # Partition, service, region and account.
    if old and s.listener_arn and old.split(":")[1:5] != s.listener_arn.split(":")[1:5]:
        yield (
            ("takeOverTargetGroup", "listenerArn"),
            problem(
                "PHX-188",
                "takeOverTargetGroup",
                old,
                f"must be of the listener's account and region ({':'.join(s.listener_arn.split(':')[3:5])})",
                "pulumi config set takeOverTargetGroup ARN-OF-A-TARGET-GROUP-OF-THAT-LISTENER",
            ),
        )


def _of_its_owner(s: Settings) -> tuple[tuple[str, object, str], ...]:
    """What is the owner's of a listener to say: a key, its value where it is set, and why."""
    return (
        ("certificateArn", s.certificate_arn, "the listener has its own"),
        ("listenerPort", s.listener_port, "the listener has its own"),
        ("tlsPolicy", s.tls_policy if s.tls_policy != TLS_POLICY else "", "the listener has its own"),
        ("hstsSeconds", s.hsts_seconds > 0 and s.hsts_seconds, "the listener's headers are its owner's"),
        ("logDays", s.log_days > 0 and s.log_days, "the logs of a load balancer are its owner's"),
        ("webAclArn", s.web_acl_arn, "the web ACL of a load balancer is its owner's"),
        (
            "idleTimeoutSeconds",
            s.idle_timeout_seconds if s.idle_timeout_seconds != IDLE_SECONDS else "",
            "the idle timeout of a load balancer is its owner's",
        ),
        (
            "ipAddressType",
            s.ip_address_type if s.ip_address_type == DUALSTACK else "",
            "the addresses of a load balancer are its owner's",
        ),
        ("internal", s.internal and "true", "the load balancer is there already"),
        ("dashboard", s.dashboard, "it could not tell this service from others on the load balancer"),
    )
