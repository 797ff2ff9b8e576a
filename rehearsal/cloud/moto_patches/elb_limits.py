"""Listener rules and target groups: the quotas and ranges of ELB that our use could hit.

Source: "Quotas for your Application Load Balancers", and the parameter ranges in ELB's API reference.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import ec2_backends
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend

from rehearsal.alb.conditions import UnknownCondition, condition
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

GROUPS_PER_ACTION = 5
VALUES_PER_RULE = 5
WILDCARDS_PER_RULE = 6
GROUPS_PER_BALANCER = 100


def _refuse(message: str, code: str = "ValidationError") -> ELBClientError:
    return ELBClientError(code, message)


@around(ELBv2Backend, "_validate_actions")
def forwards_within_limits(cloud: CloudState, original: Correction, backend: Any, actions: list[Any]) -> None:
    original(backend, actions)
    for action in actions:
        groups = action.data.get("ForwardConfig", {}).get("TargetGroups", [])
        if len(groups) > GROUPS_PER_ACTION:
            raise _refuse(f"A forward action can only have '{GROUPS_PER_ACTION}' target groups")
        if len({group["TargetGroupArn"] for group in groups}) < len(groups):
            raise _refuse("Target groups in a forward action must be unique")
        for group in groups:
            if not 0 <= int(group.get("Weight", 1)) <= 999:
                raise _refuse("Target group weight must be between '0' and '999'")


@around(ELBv2Backend, "_validate_conditions")
def conditions_within_limits(
    cloud: CloudState, original: Correction, backend: Any, conditions: list[dict[str, Any]]
) -> None:
    original(backend, conditions)
    for data in conditions:
        try:
            condition(data)
        except UnknownCondition as unknown:
            raise _refuse(str(unknown)) from unknown
    values = [value for data in conditions for value in condition_values(data)]
    if len(values) > VALUES_PER_RULE:
        raise _refuse(f"A rule can only have '{VALUES_PER_RULE}' condition values")
    if sum(value.count("*") + value.count("?") for value in values) > WILDCARDS_PER_RULE:
        raise _refuse(f"A rule can only have '{WILDCARDS_PER_RULE}' condition wildcards")
    if conditions and not values:
        raise _refuse("A condition value must be specified")


def condition_values(data: dict[str, Any]) -> list[str]:
    """Every value of a condition, whichever of ELB's two ways of writing it was used."""
    config: dict[str, Any] = next((v for k, v in data.items() if k.endswith("Config")), {})
    values = config.get("Values") or data.get("Values") or []
    return [value if isinstance(value, str) else value.get("Value", "") for value in values]


@around(ELBv2Backend, "create_rule")
def has_a_priority_and_one_balancer(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    listener_arn: str,
    conditions: Any,
    priority: Any,
    actions: list[dict[str, Any]],
    *args: Any,
    **kwargs: Any,
) -> Any:
    if not 1 <= int(priority) <= 50000:
        raise _refuse("Rule priority must be between '1' and '50000'")
    _one_balancer(backend, listener_arn, actions)
    return original(backend, listener_arn, conditions, priority, actions, *args, **kwargs)


@around(ELBv2Backend, "modify_rule")
def keeps_to_one_balancer(
    cloud: CloudState, original: Correction, backend: Any, rule_arn: str, conditions: Any, actions: Any
) -> Any:
    _one_balancer(backend, rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")[0], actions or [])
    before = _weights(backend.describe_rules(None, [rule_arn])[0])
    rule = original(backend, rule_arn, conditions, actions)
    if _weights(rule) != before:
        cloud.journal.record("weights", rule_arn, " ".join(f"{k}={v}" for k, v in _weights(rule).items()))
    return rule


def _weights(rule: Any) -> dict[str, int]:
    """Target group name to weight, of a rule that forwards."""
    weights: dict[str, int] = {}
    for action in rule.actions:
        config = action.data.get("ForwardConfig", {}).get("TargetGroups")
        if config is None and "TargetGroupArn" in action.data:
            config = [{"TargetGroupArn": action.data["TargetGroupArn"]}]
        for group in config or []:
            weights[group["TargetGroupArn"].split("/")[1]] = int(group.get("Weight", 1))
    return weights


def _one_balancer(backend: Any, listener_arn: str, actions: list[dict[str, Any]]) -> None:
    balancer_arn = listener_arn.replace(":listener/", ":loadbalancer/").rpartition("/")[0]
    for action in actions:
        for arn in backend._get_target_group_arns_from(action_data=action):
            group = backend.target_groups.get(arn)
            if group is not None and set(group.load_balancer_arns) - {balancer_arn}:
                raise _refuse(
                    f"The following target groups cannot be associated with more than one load balancer: {arn}",
                    "TargetGroupAssociationLimit",
                )


@around(ELBv2Backend, "create_target_group")
def checks_within_limits(cloud: CloudState, original: Correction, backend: Any, name: str, **settings: Any) -> Any:
    interval = settings.get("healthcheck_interval_seconds")
    timeout = settings.get("healthcheck_timeout_seconds")
    if interval is not None and not 5 <= int(interval) <= 300:
        raise _refuse(f"Health check interval '{interval}' must be between '5' and '300'")
    if timeout is not None and not 2 <= int(timeout) <= 120:
        raise _refuse(f"Health check timeout '{timeout}' must be between '2' and '120'")
    for key in ("healthy_threshold_count", "unhealthy_threshold_count"):
        if settings.get(key) is not None and not 2 <= int(settings[key]) <= 10:
            raise _refuse(f"'{key.replace('_', ' ')}' '{settings[key]}' must be between '2' and '10'")
    return original(backend, name, **settings)


@around(ELBv2Backend, "modify_target_group_attributes")
def takes_what_aws_takes(
    cloud: CloudState, original: Correction, backend: Any, target_group_arn: str, attributes: dict[str, Any]
) -> None:
    """AWS drains for 0 to 3600 seconds, where moto stops at 3599; and slow start is for round robin alone."""
    group = backend.target_groups[target_group_arn]
    now = {**group.attributes, **attributes}
    slow, way = (
        str(now.get("slow_start.duration_seconds", "0")),
        now.get("load_balancing.algorithm.type", "round_robin"),
    )
    if slow != "0" and not 30 <= int(slow) <= 900:
        raise _refuse(f"'slow_start.duration_seconds' value '{slow}' must be between '30-900' inclusive, or '0'")
    if slow != "0" and way != "round_robin":
        raise _refuse(f"You cannot enable slow start when the load balancing algorithm is '{way}'")
    delay = "deregistration_delay.timeout_seconds"
    hour = {delay: "3600"} if attributes.get(delay) == "3600" else {}
    original(backend, target_group_arn, {key: value for key, value in attributes.items() if key not in hour})
    backend.target_groups[target_group_arn].attributes.update(hour)


@around(ELBv2Backend, "create_load_balancer")
def has_ipv6_where_its_subnets_have(
    cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any
) -> Any:
    _check_addresses(backend, kwargs.get("ip_address_type"), kwargs.get("subnet_ids") or [])
    return original(backend, *args, **kwargs)


@around(ELBv2Backend, "set_ip_address_type")
def gets_ipv6_where_its_subnets_have(
    cloud: CloudState, original: Correction, backend: Any, arn: str, ip_type: str
) -> None:
    _check_addresses(backend, ip_type, [one.id for one in backend.load_balancers[arn].subnets])
    original(backend, arn, ip_type)


def _check_addresses(backend: Any, type: str | None, subnets: list[str]) -> None:
    known = ec2_backends[backend.account_id][backend.region_name]
    if type == "dualstack" and not all(known.get_subnet(one).ipv6_cidr_block_associations for one in subnets):
        raise _refuse("You must specify subnets with an associated IPv6 CIDR block.", "InvalidSubnet")


@around(ELBv2Backend, "modify_load_balancer_attributes")
def idles_within_limits(cloud: CloudState, original: Correction, backend: Any, arn: str, attrs: dict[str, Any]) -> Any:
    idle = attrs.get("idle_timeout.timeout_seconds")
    if idle is not None and not 1 <= int(idle) <= 4000:
        raise _refuse(f"'idle_timeout.timeout_seconds' value '{idle}' must be between '1-4000' inclusive")
    return original(backend, arn, attrs)
