"""Load balancers, their listeners and rules, as AWS describes them, and the tags that say whose they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import Problem, UserError
from core.tags import ignore_not_found
from core.tags import read_tags as tags_of
from plan.config.settings import Settings

if TYPE_CHECKING:
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client


@dataclass(frozen=True)
class Balancer:
    """A load balancer as AWS describes it."""

    arn: str
    dns: str
    vpc_id: str
    security_groups: tuple[str, ...] = ()
    is_public: bool = False  # internet-facing
    zone: str = ""  # of Route 53, that its DNS name is in
    has_ipv6: bool = False


def find_load_balancer(
    balancers: ElasticLoadBalancingv2Client, stack: str, *, made: Collection[str]
) -> tuple[Balancer | None, tuple[Balancer, ...]]:
    """The load balancer with a stack's tag that its state has made, if any; and those that it has not made."""
    found = {}
    for page in balancers.get_paginator("describe_load_balancers").paginate():
        found.update({item["LoadBalancerArn"]: item for item in page["LoadBalancers"]})
    tagged = [arn for arn, tags in tags_of(balancers, list(found)).items() if tags.get("phoenix:stack") == stack]
    mine = [arn for arn in tagged if arn in made]
    if len(mine) > 1:
        raise UserError(
            Problem(
                "PHX-219",
                f"two load balancers carry the tag phoenix:stack = {stack}: {', '.join(mine)}.",
                "aws elbv2 remove-tags --tag-keys phoenix:stack --resource-arns WRONG-ONES-ARN",
            )
        )
    return (
        parse_balancer(found[mine[0]]) if mine else None,
        tuple(parse_balancer(found[arn]) for arn in tagged if arn not in mine),
    )


def parse_balancer(one: Any) -> Balancer:
    """Of AWS's description."""
    return Balancer(
        one["LoadBalancerArn"],
        one["DNSName"],
        one["VpcId"],
        tuple(one.get("SecurityGroups", [])),
        one.get("Scheme") == "internet-facing",
        one.get("CanonicalHostedZoneId", ""),
        one.get("IpAddressType", "ipv4") != "ipv4",
    )


def listeners_of(balancers: ElasticLoadBalancingv2Client, load_balancer: str) -> list[str]:
    """ARNs."""
    pages = balancers.get_paginator("describe_listeners").paginate(LoadBalancerArn=load_balancer)
    return [listener["ListenerArn"] for page in pages for listener in page["Listeners"]]


def rules_of(balancers: ElasticLoadBalancingv2Client, listeners: Iterable[str]) -> list[dict[str, Any]]:
    """All rules of listeners but the default ones, each with its `listener` (an ARN) and its `tags`.

    What is deleted meanwhile is left out: a load balancer may be shared, and the rules of others come and go.
    """
    rules: dict[str, dict[str, Any]] = {}
    for listener in listeners:
        with ignore_not_found():
            for page in balancers.get_paginator("describe_rules").paginate(ListenerArn=listener):
                rules.update(
                    {rule["RuleArn"]: {**rule, "listener": listener} for rule in page["Rules"] if not rule["IsDefault"]}
                )
    return [{**rules[arn], "tags": tags} for arn, tags in tags_of(balancers, rules).items()]


def idle_seconds(balancers: ElasticLoadBalancingv2Client, load_balancer: str) -> int | None:
    """The idle timeout of a load balancer; None when it is not there (yet, or any more)."""
    if not load_balancer:
        return None
    with ignore_not_found():
        said = balancers.describe_load_balancer_attributes(LoadBalancerArn=load_balancer)["Attributes"]
        return next((int(one["Value"]) for one in said if one["Key"] == "idle_timeout.timeout_seconds"), None)
    return None


def read_tls_versions(balancers: ElasticLoadBalancingv2Client, s: Settings) -> tuple[str, ...] | None:
    """The versions of TLS that the settings' security policy allows; () when there is no such policy in the region.

    None when no listener of ours speaks TLS.
    """
    if not s.is_https:
        return None
    try:
        found = balancers.describe_ssl_policies(Names=[s.tls_policy])["SslPolicies"]
    except balancers.exceptions.SSLPolicyNotFoundException:
        return ()
    return tuple(sorted(found[0]["SslProtocols"])) if found else ()
