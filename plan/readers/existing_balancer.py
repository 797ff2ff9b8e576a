"""A load balancer that a stack shares with others: what is on it, and whether this stack's rules fit beside theirs.

Quotas: "Quotas for your Application Load Balancers", ELB user guide; DescribeAccountLimits tells an account's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from core.aws import error_code
from core.errors import UserError, problem
from core.reachability import balancer_of
from plan.config.settings import Settings
from plan.readers.live_state import Account
from plan.readers.load_balancers import (
    Balancer,
    described_listener,
    find_load_balancer,
    parse_balancer,
    read_target_groups,
    rules_of,
    target_health,
)
from plan.readers.old_target_group import OldTargetGroup, read_old_target_group
from plan.readers.reads import Reads

RULES = "rules-per-application-load-balancer"
GROUPS = "target-groups-per-application-load-balancer"
REGION = "target-groups"
TARGETS = "targets-per-application-load-balancer"
# Until AWS says otherwise. The one of target groups can't be raised.
LIMITS = {RULES: 100, GROUPS: 100, REGION: 3000, TARGETS: 1000}


@dataclass(frozen=True)
class OtherRule:
    """A rule on the load balancer. `hosts`: the patterns of hosts that it catches all requests of; empty: of none."""

    listener: str
    priority: int
    owner: str  # SERVICE/STACK; empty when no stack of ours made it
    hosts: tuple[str, ...] = ()
    redirects: bool = False  # from port 80 to the listener of services, where it is in nobody's way


@dataclass(frozen=True)
class ExistingBalancer:
    """A shared load balancer. `listener` is empty when the program itself makes it; `arn` too until it has."""

    arn: str = ""
    listener: str = ""
    vpc_id: str = ""
    security_groups: tuple[str, ...] = ()
    url: str = ""
    dns: str = ""
    zone: str = ""  # that its DNS name is in
    has_ipv6: bool = False
    is_public: bool = False
    rules: tuple[OtherRule, ...] = ()
    target_groups: int = 0  # that its rules name
    region_target_groups: int = 0
    others: tuple[Balancer, ...] = ()  # with the owner's tag, that the state has not made
    old: OldTargetGroup | None = None  # that production is taken over from
    targets: int | None = None  # registered in those; None: unknown
    limits: Mapping[str, int] = field(default_factory=lambda: LIMITS)

    @property
    def suffix(self) -> str:
        """As CloudWatch names it: app/NAME/ID."""
        return self.arn.partition(":loadbalancer/")[2]


def read_existing_balancer(
    reads: Reads, settings: Settings, account: Account, *, owner: str, made: Collection[str] = ()
) -> ExistingBalancer:
    """The load balancer of the adopted listener, or the one that carries the tag of `owner`.

    Raises `UserError`.

    `made`: ids of what the program's state holds.
    """
    others: tuple[Balancer, ...] = ()
    ask_ahead(reads, settings)
    if settings.listener_arn:
        listener = _listener(reads, settings, account)
        found = parse_balancer(reads.ask(_described, listener["LoadBalancerArn"]))
        scheme, port = listener["Protocol"].lower(), listener["Port"]
        shown = "" if port == {"http": 80, "https": 443}[scheme] else f":{port}"
        where = {"listener": listener["ListenerArn"], "url": f"{scheme}://{settings.hostname}{shown}"}
    else:
        own, others = find_load_balancer(reads, owner, made=made)
        if own is None:
            return ExistingBalancer(others=others)
        found, where = own, {}
    groups = reads.ask(read_target_groups)
    named = [group["TargetGroupArn"] for group in groups if found.arn in group["LoadBalancerArns"]]
    for group in named:  # before the rules are awaited
        reads.start(target_health, group)
    return ExistingBalancer(
        arn=found.arn,
        vpc_id=found.vpc_id,
        dns=found.dns,
        zone=found.zone,
        has_ipv6=found.has_ipv6,
        is_public=found.is_public,
        security_groups=found.security_groups,
        others=others,
        **where,
        rules=_rules(reads, found.arn),
        old=read_old_target_group(
            reads, settings.take_over_target_group, stack=settings.identity, listener=settings.listener_arn
        )
        if settings.take_over_target_group
        else None,
        target_groups=len(named),
        region_target_groups=len(groups),
        targets=_targets(reads, named),
        limits=reads.ask(_limits),
    )


def ask_ahead(reads: Reads, settings: Settings) -> None:
    """Begins to ask what `read_existing_balancer` will, that needs no other answer."""
    reads.start(read_target_groups)
    reads.start(_limits)
    if settings.listener_arn:
        reads.start(described_listener, settings.listener_arn)
        reads.start(_described, balancer_of(settings.listener_arn))


def _described(reads: Reads, load_balancer: str) -> Any:
    return reads.client("elbv2").describe_load_balancers(LoadBalancerArns=[load_balancer])["LoadBalancers"][0]


def _listener(reads: Reads, s: Settings, account: Account) -> Any:
    try:
        if f":{account.id}:" in s.listener_arn:
            return reads.ask(described_listener, s.listener_arn)
    except ClientError as error:
        if error_code(error) not in ("ListenerNotFound", "LoadBalancerNotFound"):
            raise
    raise UserError(
        problem(
            "PHX-331",
            "listenerArn",
            s.listener_arn,
            f"must be a listener of account {account.id} in {s.region}; there is none such",
            "aws elbv2 describe-listeners --load-balancer-arn ARN, and pulumi config set listenerArn ITS-ARN",
        )
    )


def _rules(reads: Reads, load_balancer: str) -> tuple[OtherRule, ...]:
    """All but the default ones, which the quota does not count either."""
    found = reads.ask(rules_of, load_balancer)
    return tuple(
        OtherRule(
            rule["listener"], int(rule["Priority"]), rule["tags"].get("phoenix:stack", ""), _hosts(rule["Conditions"])
        )
        for rule in found
    )


def _hosts(conditions: list[Any]) -> tuple[str, ...]:
    """The hosts that a rule leaves nothing of to the rules behind it; none if it asks for anything else."""

    def values(field: str, config: str) -> list[str] | None:
        said = [one.get(config, one).get("Values", []) for one in conditions if one["Field"] == field]
        return said[0] if said else None

    paths, hosts = values("path-pattern", "PathPatternConfig"), values("host-header", "HostHeaderConfig")
    asked = (paths is not None) + (hosts is not None)
    if len(conditions) > asked or (paths is not None and not {"*", "/*"} & set(paths)):
        return ()
    return ("*",) if hosts is None else tuple(hosts)


def _targets(reads: Reads, groups: list[str]) -> int | None:
    """A target counts once for each group that it is registered in. At most 100 groups are on a load balancer."""
    try:
        return sum(map(len, reads.each(target_health, groups)))
    except ClientError:  # one has just been deleted, or AWS has had enough of questions
        return None


def _limits(reads: Reads) -> Mapping[str, int]:
    try:
        said = reads.client("elbv2").describe_account_limits()["Limits"]
    except ClientError:  # whoever may not ask gets what every account has
        return LIMITS
    return {**LIMITS, **{one["Name"]: int(one["Max"]) for one in said}}
