"""The listeners, rules and target groups of one moment, copied out of moto so that no request waits for a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.alb.conditions import Condition, Request, condition


@dataclass(frozen=True, kw_only=True)
class Check:
    """A target group's health check; seconds are already this rehearsal's."""

    path: str
    port: int | None
    """None is the target's own port."""
    interval: float
    timeout: float
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str


@dataclass(frozen=True, kw_only=True)
class Group:
    arn: str
    name: str
    dimension: str
    """As CloudWatch names it: targetgroup/NAME/ID."""
    check: Check
    targets: tuple[tuple[str, int], ...]
    """Id and port of each registered target."""


@dataclass(frozen=True, kw_only=True)
class Action:
    kind: str
    """forward, fixed-response or redirect."""
    weights: tuple[tuple[str, int], ...] = ()
    """Target group ARN and weight, of a forward."""
    sticky_seconds: int = 0
    """How long a client stays with the group that answered it; 0 is not at all."""
    settings: Mapping[str, str]
    """FixedResponseConfig or RedirectConfig."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    arn: str
    priority: int
    conditions: tuple[Condition, ...]
    action: Action

    def matches(self, request: Request) -> bool:
        return all(condition.matches(request) for condition in self.conditions)


@dataclass(frozen=True, kw_only=True)
class Listener:
    arn: str
    port: int
    protocol: str
    certificate: str | None
    balancer: str
    """The load balancer as CloudWatch names it: app/NAME/ID."""
    idle_seconds: float
    named: bool = True
    """Its own answers say what it is (`Server`)."""
    hsts: str = ""
    """What it puts into each answer, over what the target said."""
    rules: tuple[Rule, ...]
    """By priority; the default rule comes last and meets everything."""

    def rule(self, request: Request) -> Rule:
        return next(rule for rule in self.rules if rule.matches(request))


@dataclass(frozen=True, kw_only=True)
class Table:
    listeners: Mapping[str, Listener]
    groups: Mapping[str, Group]
    """Only those that a listener's rule or default action names."""
    balancers: Mapping[str, str]
    """Target group ARN to the load balancer's CloudWatch name."""
    registered: frozenset[str]
    """Every target of every group, named by a rule or not: requests to it may still be under way."""


EMPTY = Table(listeners={}, groups={}, balancers={}, registered=frozenset())
HSTS = "routing.http.response.strict_transport_security.header_value"
_LAST = 10**9
_SHORTEST_TIMEOUT = 3.0


def compile_table(elbv2: Any, *, time_scale: float) -> Table:
    """The table of what moto's elbv2 backend holds now; called under the state's lock."""
    listeners: dict[str, Listener] = {}
    balancers: dict[str, str] = {}
    for balancer in elbv2.load_balancers.values():
        dimension = balancer.arn.partition(":loadbalancer/")[2]
        for moto_listener in balancer.listeners.values():
            rules = sorted((_rule(rule) for rule in moto_listener.rules.values()), key=lambda r: r.priority)
            listeners[moto_listener.arn] = Listener(
                arn=moto_listener.arn,
                port=int(moto_listener.port),
                protocol=moto_listener.protocol,
                certificate=moto_listener.certificate,
                balancer=dimension,
                idle_seconds=float(balancer.attrs.get("idle_timeout.timeout_seconds", 60)),
                named=moto_listener.attributes.get("routing.http.response.server.enabled") != "false",
                hsts=moto_listener.attributes.get(HSTS, ""),
                rules=tuple(rules),
            )
            for rule in rules:
                balancers.update({arn: dimension for arn, _ in rule.action.weights})
    groups = {arn: _group(elbv2.target_groups[arn], time_scale) for arn in balancers if arn in elbv2.target_groups}
    registered = frozenset(target_id for group in elbv2.target_groups.values() for target_id in group.targets)
    return Table(listeners=listeners, groups=groups, balancers=balancers, registered=registered)


def _rule(rule: Any) -> Rule:
    last = max(rule.actions, key=lambda action: int(action.data.get("Order") or 0))
    return Rule(
        arn=rule.arn,
        priority=_LAST if rule.priority == "default" else int(rule.priority),
        conditions=tuple(condition(data) for data in rule.conditions),
        action=_action(last.data),
    )


def _action(data: Mapping[str, Any]) -> Action:
    kind = data["Type"]
    if kind != "forward":
        config = data.get("FixedResponseConfig") or data.get("RedirectConfig") or {}
        return Action(kind=kind, settings={key: str(value) for key, value in config.items()})
    config = data.get("ForwardConfig", {})
    groups = config.get("TargetGroups") or [{"TargetGroupArn": data["TargetGroupArn"]}]
    weights = tuple((group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups)
    sticky = config.get("TargetGroupStickinessConfig") or {}
    seconds = int(sticky.get("DurationSeconds") or 0) if str(sticky.get("Enabled")).lower() == "true" else 0
    return Action(kind=kind, weights=weights, sticky_seconds=seconds, settings={})


def _group(group: Any, time_scale: float) -> Group:
    check_port = str(group.health_check_port or "traffic-port")
    return Group(
        arn=group.arn,
        name=group.name,
        dimension=group.arn.rpartition(":")[2],
        check=Check(
            path=group.health_check_path or "/",
            port=None if check_port == "traffic-port" else int(check_port),
            interval=float(group.health_check_interval_seconds) * time_scale,
            # A machine under load needs its time, whatever the scale.
            timeout=max(float(group.health_check_timeout_seconds) * time_scale, _SHORTEST_TIMEOUT),
            healthy_threshold=int(group.healthy_threshold_count),
            unhealthy_threshold=int(group.unhealthy_threshold_count),
            matcher=str((group.matcher or {}).get("HttpCode") or "200"),
        ),
        targets=tuple((target["Id"], int(target["Port"])) for target in group.targets.values()),
    )
