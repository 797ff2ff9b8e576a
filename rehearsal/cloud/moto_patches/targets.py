"""Targets: unused until a rule names their group, then what the balancer's checks say, and draining once they left.

Source: "Target health status" and "Deregistration delay" in AWS's guide to Application Load Balancers.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state import cloud_state
from rehearsal.state.cloud_state import CloudState, Draining
from rehearsal.state.target_health import REGISTERING


@around(FakeTargetGroup, "register")
def comes_back(cloud: CloudState, original: Correction, group: Any, targets: list[dict[str, Any]]) -> None:
    known = set(group.targets)
    original(group, targets)
    for target in targets:
        cloud.draining.pop((group.arn, target["Id"]), None)
        if target["Id"] not in known:
            cloud.health.pop((group.arn, target["Id"]), None)
            cloud.journal.record("target", target["Id"], f"registered with {group.name}")


@around(FakeTargetGroup, "deregister")
def drains(cloud: CloudState, original: Correction, group: Any, targets: list[dict[str, Any]]) -> None:
    leaving = {target["Id"]: group.targets.get(target["Id"]) for target in targets}
    original(group, targets)
    _drain(cloud, group, leaving)


@around(FakeTargetGroup, "deregister_terminated_instances")
def drains_when_terminated(cloud: CloudState, original: Correction, group: Any, instance_ids: list[str]) -> None:
    leaving = {i: group.targets.pop(i) for i in instance_ids if i in group.targets}
    _drain(cloud, group, leaving)


def _drain(cloud: CloudState, group: Any, leaving: dict[str, Any]) -> None:
    """A target that got traffic drains for the group's delay; one that a balancer never used is gone at once."""
    in_use = bool(balancers_of(group))
    delay = cloud.scaled(float(group.attributes["deregistration_delay.timeout_seconds"]))
    for target_id, target in leaving.items():
        cloud.health.pop((group.arn, target_id), None)
        cloud.journal.record("target", target_id, f"deregistered from {group.name}")
        if in_use and target:
            now = cloud.now()
            cloud.draining[group.arn, target_id] = Draining(port=int(target["Port"]), since=now, until=now + delay)


def finish_draining(cloud: CloudState) -> None:
    """Forgets the targets whose delay is over; called by the reconciler."""
    for key, draining in list(cloud.draining.items()):
        if cloud.now() >= draining.until:
            del cloud.draining[key]


@around(FakeTargetGroup, "health_for")
def health(cloud: CloudState, original: Correction, group: Any, target: dict[str, Any], ec2: Any) -> Any:
    target_id = target["Id"]
    if registered := group.targets.get(target_id):
        status, reason, description = _registered(cloud, group, target_id, ec2)
        port = registered["Port"]
    elif draining := cloud.draining.get((group.arn, target_id)):
        status, reason = "draining", "Target.DeregistrationInProgress"
        description, port = "Target deregistration is in progress", draining.port
    else:
        status, reason = "unused", "Target.NotRegistered"
        description, port = "Target is not registered to the target group", target.get("Port", group.port)
    return FakeHealthStatus(target_id, port, str(port), status, reason, description)


def _registered(cloud: CloudState, group: Any, target_id: str, ec2: Any) -> tuple[str, str | None, str | None]:
    instance = ec2.get_instance_by_id(target_id)
    if instance is not None and instance.state == "stopped":
        return "unused", "Target.InvalidState", "Target is in the stopped state"
    if not balancers_of(group):
        return (
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        )
    known = cloud.health.get((group.arn, target_id), REGISTERING)
    return known.state, known.reason, known.description


@around(ELBv2Backend, "describe_target_health")
def draining_ones_too(
    cloud: CloudState, original: Correction, backend: Any, group_arn: str, targets: list[dict[str, Any]]
) -> Any:
    """Asked for all targets, AWS shows those that are still draining as well."""
    answer = original(backend, group_arn, targets)
    if not targets:
        group = backend.target_groups[group_arn]
        leaving = [{"Id": target_id} for arn, target_id in list(cloud.draining) if arn == group_arn]
        answer += [group.health_for(target, backend.ec2_backend) for target in leaving]
    return answer


@around(ELBv2Backend, "delete_target_group")
def is_gone_either_way(cloud: CloudState, original: Correction, backend: Any, target_group_arn: str) -> Any:
    """DeleteTargetGroup knows one error, ResourceInUse: a second call, as an SDK's retry, succeeds."""
    if target_group_arn in backend.target_groups:
        return original(backend, target_group_arn)
    return None


def balancers_of(group: Any) -> list[str]:
    """ARNs of the load balancers of which a rule or a default action names this group now."""
    backend = elbv2_backends[group.account_id][group.region_name]
    return [
        balancer.arn
        for balancer in list(backend.load_balancers.values())
        if any(
            group.arn in backend._get_target_group_arns_from(action_data=action.data)
            for listener in list(balancer.listeners.values())
            for rule in listener.rules.values()
            for action in rule.actions
        )
    ]


def _load_balancer_arns(group: Any) -> list[str]:
    if cloud_state.open_state() is None:
        return group.__dict__.setdefault("_load_balancer_arns", [])  # type: ignore[no-any-return]
    return balancers_of(group)


def _set_load_balancer_arns(group: Any, arns: list[str]) -> None:
    group.__dict__["_load_balancer_arns"] = arns


# moto only ever adds to this list, and not when a rule is modified; AWS shows who names the group now.
FakeTargetGroup.load_balancer_arns = property(_load_balancer_arns, _set_load_balancer_arns)
