"""Invariant 7: what carries a stack's tag in the cloud is in the engine's state, and nothing else is."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from core import tags
from rehearsal.engine import Engine


class Clients(Protocol):
    """A cloud that gives boto3's clients."""

    def client(self, service: str) -> Any:
        """The client of a service."""


def find_orphans(cloud: Clients, engine: Engine, stack: str) -> list[str]:
    """What of a stack is in the cloud and not in the state, in words; empty after every good update."""
    # What a killed bake leaves is kept for a day, and then taken away (steps/image/leftovers.py): another may use it.
    known = {resource.id for resource in engine.resources()} | _bake_security_groups(cloud)
    return [
        f"7: {kind} {name} is in the cloud, but no state knows it"
        for kind, name in list_owned(cloud, stack)
        if name not in known
    ]


def _bake_security_groups(cloud: Clients) -> set[str]:
    """Security groups of build machines."""
    found = cloud.client("ec2").describe_security_groups(Filters=[{"Name": "tag-key", "Values": ["phoenix:baked-at"]}])
    return {group["GroupId"] for group in found["SecurityGroups"]}


def list_owned(cloud: Clients, stack: str) -> list[tuple[str, str]]:
    """(kind, name) of what carries a stack's tag and an engine makes. What others delete meanwhile is none of it."""
    filters = [{"Name": "tag:phoenix:stack", "Values": [stack]}]
    ec2, balancing = cloud.client("ec2"), cloud.client("elbv2")
    groups = _paged(cloud.client("autoscaling"), "describe_auto_scaling_groups", "AutoScalingGroups", Filters=filters)
    found = [("auto-scaling group", group["AutoScalingGroupName"]) for group in groups]
    found += [
        ("launch template", template["LaunchTemplateId"])
        for template in _paged(ec2, "describe_launch_templates", "LaunchTemplates")
        if tags.tags_to_dict(template.get("Tags", [])).get("phoenix:stack") == stack
    ]
    found += [
        ("security group", group["GroupId"])
        for group in _paged(ec2, "describe_security_groups", "SecurityGroups", Filters=filters)
    ]
    balancers = [one["LoadBalancerArn"] for one in _paged(balancing, "describe_load_balancers", "LoadBalancers")]
    found += [("load balancer", arn) for arn in _tagged(balancing, balancers, stack)]
    listeners = [
        one["ListenerArn"]
        for arn in balancers
        for one in _of(balancing, "describe_listeners", "Listeners", LoadBalancerArn=arn)
    ]
    found += [("listener", arn) for arn in _tagged(balancing, listeners, stack)]
    rules = [
        one["RuleArn"]
        for arn in listeners
        for one in _of(balancing, "describe_rules", "Rules", ListenerArn=arn)
        if not one["IsDefault"]
    ]
    found += [("rule", arn) for arn in _tagged(balancing, rules, stack)]
    arns = [group["TargetGroupArn"] for group in _paged(balancing, "describe_target_groups", "TargetGroups")]
    found += [("target group", arn) for arn in _tagged(balancing, arns, stack)]
    reservations = _paged(ec2, "describe_instances", "Reservations", Filters=filters)
    alive = [
        instance["InstanceId"]
        for reservation in reservations
        for instance in reservation["Instances"]
        if instance["State"]["Name"] in ("pending", "running")
    ]
    mine = {instance["InstanceId"] for group in groups for instance in group["Instances"]}
    found += [("instance", instance) for instance in alive if instance not in mine]
    return found + _rights_and_alarms(cloud, stack)


def _paged(client: Any, call: str, items: str, **asked: Any) -> list[Any]:
    return [item for page in client.get_paginator(call).paginate(**asked) for item in page[items]]


def _of(balancing: Any, call: str, items: str, **whose: str) -> list[Any]:
    """Of a load balancer or listener that may be gone."""
    with tags.ignore_not_found():
        return _paged(balancing, call, items, **whose)
    return []


def _tagged(balancing: Any, arns: list[str], stack: str) -> list[str]:
    return [arn for arn, known in tags.read_tags(balancing, arns).items() if known.get("phoenix:stack") == stack]


def _rights_and_alarms(cloud: Clients, stack: str) -> list[tuple[str, str]]:
    """Roles and instance profiles are asked for their tags one by one: those whose names begin as a stack's do."""
    iam, watch, prefix = cloud.client("iam"), cloud.client("cloudwatch"), stack.replace("/", "-")
    found = []
    for kind, call, items, key, one in (
        ("role", "list_roles", "Roles", "RoleName", iam.get_role),
        (
            "instance profile",
            "list_instance_profiles",
            "InstanceProfiles",
            "InstanceProfileName",
            iam.get_instance_profile,
        ),
    ):
        for name in [item[key] for item in _paged(iam, call, items) if item[key].startswith(prefix)]:
            with contextlib.suppress(iam.exceptions.NoSuchEntityException):
                found.append((kind, name, one(**{key: name})[items.removesuffix("s")].get("Tags", [])))
    found += [
        ("alarm", alarm["AlarmName"], watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
        for alarm in _paged(watch, "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
    ]
    found += [
        ("alarm of alarms", alarm["AlarmName"], watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
        for page in watch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm"]
        )
        for alarm in page["CompositeAlarms"]
    ]
    owned = [(kind, name) for kind, name, known in found if tags.tags_to_dict(known).get("phoenix:stack") == stack]
    return [*owned, *_guards(cloud, prefix)]


def _guards(cloud: Clients, prefix: str) -> list[tuple[str, str]]:
    """Of those that AWS watches with, what has no tags, or is asked for them one by one: by its name."""
    events, scheduler, ssm = (cloud.client(service) for service in ("events", "scheduler", "ssm"))
    rules = [("event rule", rule["Name"]) for rule in _paged(events, "list_rules", "Rules", NamePrefix=f"{prefix}-")]
    schedules = [
        ("schedule", f"{one['GroupName']}/{one['Name']}")
        for one in _paged(scheduler, "list_schedules", "Schedules", NamePrefix=f"{prefix}-")
    ]
    documents = [
        ("document", one["Name"])
        for one in _paged(ssm, "list_documents", "DocumentIdentifiers", Filters=[{"Key": "Owner", "Values": ["Self"]}])
        if one["Name"].startswith(f"{prefix}-")
    ]
    return [*rules, *schedules, *documents]
