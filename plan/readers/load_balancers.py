"""Load balancers, their listeners and rules, as AWS describes them, and the tags that say whose they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import tags
from core.errors import Problem, UserError
from core.tags import ignore_not_found
from plan.config.settings import Settings
from plan.readers.reads import QUICK, Reads

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


def read_tagged(reads: Reads) -> dict[str, tuple[Any, dict[str, str]]]:
    """The load balancers of the region as AWS describes them, each with its tags, by their ARNs."""
    pages = reads.client("elbv2").get_paginator("describe_load_balancers").paginate()
    found = {one["LoadBalancerArn"]: one for page in pages for one in page["LoadBalancers"]}
    return {arn: (found[arn], said) for arn, said in tags_of(reads, found).items()}


def tags_of(reads: Reads, arns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Tags by ARN, without those of what is gone. As many at once as AWS tells in an answer, all side by side."""
    wanted = list(arns)
    parts = [tuple(wanted[start : start + tags.AT_ONCE]) for start in range(0, len(wanted), tags.AT_ONCE)]
    return {arn: said for part in reads.each(_tags, parts) for arn, said in part.items()}


def _tags(reads: Reads, arns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    return tags.read_tags(reads.client("elbv2"), arns)


def find_load_balancer(
    reads: Reads, stack: str, *, made: Collection[str]
) -> tuple[Balancer | None, tuple[Balancer, ...]]:
    """The load balancer with a stack's tag that its state has made, if any; and those that it has not made."""
    found = {arn: one for arn, (one, said) in reads.ask(read_tagged).items() if said.get("phoenix:stack") == stack}
    tagged = list(found)
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


def listeners_of(reads: Reads, load_balancer: str) -> list[str]:
    """ARNs."""
    pages = reads.client("elbv2").get_paginator("describe_listeners").paginate(LoadBalancerArn=load_balancer)
    return [listener["ListenerArn"] for page in pages for listener in page["Listeners"]]


def described_listener(reads: Reads, listener: str) -> Any:
    """As AWS describes it. Raises ClientError when there is none such."""
    return reads.client("elbv2").describe_listeners(ListenerArns=[listener])["Listeners"][0]


def rules_of(reads: Reads, load_balancer: str) -> list[dict[str, Any]]:
    """All rules of a load balancer but the default ones, each with its `listener` (an ARN) and its `tags`.

    What is deleted meanwhile is left out: a load balancer may be shared, and the rules of others come and go.
    """
    asked = reads.each(rules_on, reads.ask(listeners_of, load_balancer))
    rules = {rule["RuleArn"]: rule for found in asked for rule in found if not rule["IsDefault"]}
    return [{**rules[arn], "tags": said} for arn, said in tags_of(reads, rules).items()]


def rules_on(reads: Reads, listener: str) -> list[dict[str, Any]]:
    """All rules of a listener, the default one too, each with its `listener`; none when that is gone."""
    found: list[dict[str, Any]] = []
    with ignore_not_found():
        for page in reads.client("elbv2").get_paginator("describe_rules").paginate(ListenerArn=listener):
            found += [{**rule, "listener": listener} for rule in page["Rules"]]
    return found


def read_target_groups(reads: Reads) -> list[Any]:
    """Those of the region, as AWS describes them."""
    pages = reads.client("elbv2").get_paginator("describe_target_groups").paginate()
    return [group for page in pages for group in page["TargetGroups"]]


def target_health(reads: Reads, target_group: str) -> list[Any]:
    """The targets of one, as AWS describes them; it has no call for several. Raises ClientError."""
    said = reads.client("elbv2", config=QUICK).describe_target_health(TargetGroupArn=target_group)
    return list(said["TargetHealthDescriptions"])


def target_group_tags(reads: Reads, prefix: str) -> dict[str, dict[str, str]]:
    """Tags of the target groups whose names begin so, by their ARNs."""
    groups = reads.ask(read_target_groups)
    return tags_of(reads, [one["TargetGroupArn"] for one in groups if one["TargetGroupName"].startswith(prefix)])


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
