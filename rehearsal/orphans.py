"""Invariant 7: what carries a stack's tag in the cloud is in the engine's state, and nothing else is."""

from __future__ import annotations

from typing import Any

from rehearsal.cloud import Cloud
from rehearsal.engine import Engine


def orphans(cloud: Cloud, engine: Engine, stack: str) -> list[str]:
    """What of a stack is in the cloud and not in the state, in words; empty after every good update."""
    known = {resource.id for resource in engine.resources()}
    return [f"7: {kind} {name} is in the cloud, but no state knows it"
            for kind, name in _owned(cloud, stack) if name not in known]


def _owned(cloud: Cloud, stack: str) -> list[tuple[str, str]]:
    filters = [{"Name": "tag:phoenix:stack", "Values": [stack]}]
    ec2, balancing = cloud.client("ec2"), cloud.client("elbv2")
    groups = cloud.client("autoscaling").describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"]
    found = [("auto-scaling group", group["AutoScalingGroupName"]) for group in groups]
    templates = ec2.describe_launch_templates()["LaunchTemplates"]
    found += [("launch template", template["LaunchTemplateId"]) for template in templates
              if _tags(template.get("Tags", [])).get("phoenix:stack") == stack]
    found += [("security group", group["GroupId"]) for group in ec2.describe_security_groups(Filters=filters)
              ["SecurityGroups"]]
    balancers = [one["LoadBalancerArn"] for one in balancing.describe_load_balancers()["LoadBalancers"]]
    found += [("load balancer", arn) for arn in _tagged(balancing, balancers, stack)]
    listeners = [one["ListenerArn"] for arn in balancers
                 for one in balancing.describe_listeners(LoadBalancerArn=arn)["Listeners"]]
    found += [("listener", arn) for arn in _tagged(balancing, listeners, stack)]
    rules = [one["RuleArn"] for arn in listeners for one in balancing.describe_rules(ListenerArn=arn)["Rules"]
             if not one["IsDefault"]]
    found += [("rule", arn) for arn in _tagged(balancing, rules, stack)]
    arns = [group["TargetGroupArn"] for group in balancing.describe_target_groups()["TargetGroups"]]
    found += [("target group", arn) for arn in _tagged(balancing, arns, stack)]
    alive = [instance["InstanceId"] for reservation in ec2.describe_instances(Filters=filters)["Reservations"]
             for instance in reservation["Instances"] if instance["State"]["Name"] in ("pending", "running")]
    mine = {instance["InstanceId"] for group in groups for instance in group["Instances"]}
    found += [("instance", instance) for instance in alive if instance not in mine]
    return found + _rights_and_alarms(cloud, stack)


def _tagged(balancing: Any, arns: list[str], stack: str) -> list[str]:
    return [said["ResourceArn"] for start in range(0, len(arns), 20)
            for said in balancing.describe_tags(ResourceArns=arns[start:start + 20])["TagDescriptions"]
            if _tags(said["Tags"]).get("phoenix:stack") == stack]


def _rights_and_alarms(cloud: Cloud, stack: str) -> list[tuple[str, str]]:
    iam, watch = cloud.client("iam"), cloud.client("cloudwatch")
    roles = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    profiles = [profile["InstanceProfileName"] for page in iam.get_paginator("list_instance_profiles").paginate()
                for profile in page["InstanceProfiles"]]
    alarms = [alarm for page in watch.get_paginator("describe_alarms").paginate() for alarm in page["MetricAlarms"]]
    tagged = [("role", name, iam.get_role(RoleName=name)["Role"].get("Tags", [])) for name in roles]
    tagged += [("instance profile", name, iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Tags"])
               for name in profiles]
    tagged += [("alarm", alarm["AlarmName"], watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
               for alarm in alarms]
    return [(kind, name) for kind, name, tags in tagged if _tags(tags).get("phoenix:stack") == stack]


def _tags(tags: list[dict[str, Any]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
