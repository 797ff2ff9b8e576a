"""Clears away what failed launches left of a color."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from core import listener_rules, obstacles, reachability, server_groups
from core.aws import Aws
from core.errors import StepError
from core.progress import Backoff, Progress
from core.server_groups import Group

LONGEST_SECONDS = 300.0


def leftovers(everything: Iterable[Group], *, stack: str, color: str, ours: str, live: frozenset[str]) -> list[Group]:
    """Other groups of this stack and color that get no traffic. `live`: the target groups that get some."""
    return [
        group
        for group in everything
        if group.name != ours
        and group.tags.get("phoenix:stack") == stack
        and group.tags.get("phoenix:color") == color
        and not live.intersection(group.target_groups)
    ]


def unused_names(
    everything: Iterable[Group], *, names: Collection[str], ours: str, known: frozenset[str]
) -> list[Group]:
    """Groups of these names whose target group no rule but the preview rule knows."""
    return [
        group
        for group in everything
        if group.name in names and group.name != ours and not known.intersection(group.target_groups)
    ]


def delete(aws: Aws, left: list[Group], progress: Progress, *, listener: str) -> None:
    """Deletes groups, servers included, and waits for them to be gone, but not for ever.

    Raises StepError, and deletes none, when users reach one of them, or a rule of another load balancer than
    `listener`'s names it: whatever was told of the groups, AWS has the last word.
    """
    for group in left:
        _refuse_used(aws, group, listener)
        _refuse_barred(group)
    for group in left:
        if not group.leaving:
            progress.line(f"deleting {group.name}: a failed attempt left it, and it gets no traffic")
            server_groups.let_go(aws, group)
            aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    until = progress.bounded(min(LONGEST_SECONDS, progress.left()))
    names = [group.name for group in left]
    pace = Backoff(progress.clock)
    while names:
        pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(AutoScalingGroupNames=names)
        names = [one["AutoScalingGroupName"] for page in pages for one in page["AutoScalingGroups"]]
        if names and not until.left():
            progress.line(f"{', '.join(names)} takes long to go; going on without waiting for it")
            return
        if names:
            pace.wait(until, f"waiting for {', '.join(names)} to be gone")


def _refuse_used(aws: Aws, group: Group, listener: str) -> None:
    stack, color = group.tags.get("phoenix:stack", ""), group.tags.get("phoenix:color", "")
    for target_group in group.target_groups:
        found = reachability.routes_to(aws, target_group)
        refused = reachability.live_routes(
            found, stack=stack, color=color, group=group.name, target_group=target_group
        ) or reachability.foreign_routes(found, stack=stack, color=color, group=group.name, listener=listener)
        if refused:
            raise refused


def _refuse_barred(group: Group) -> None:
    barred = group.barred(obstacles.VANISH)
    if barred and not group.leaving:
        why, do = obstacles.describe_obstacles(barred)
        raise StepError(
            "PHX-602",
            f"{group.name}, which a failed attempt left, can't be deleted",
            why=why,
            do=do,
        )


def deleter_for(aws: Aws, name: str) -> Callable[[], object] | None:
    """What deletes something that a group stood on, by its id or ARN; None when it is none of these."""
    if re.fullmatch(r"sgr-[0-9a-f]+", name):
        return lambda: _revoke(aws, name)
    if re.fullmatch(r"lt-[0-9a-f]+", name):
        return lambda: aws.ec2.delete_launch_template(LaunchTemplateId=name)
    if re.fullmatch(r"sg-[0-9a-f]+", name):
        return lambda: aws.ec2.delete_security_group(GroupId=name)
    if ":loadbalancer/" in name:
        return lambda: _close(aws, name)
    if ":listener-rule/" in name:
        return lambda: _let_rule_go(aws, name)
    if ":listener/" in name:
        return lambda: _silence(aws, name)
    if ":targetgroup/" in name:
        return lambda: aws.elbv2.delete_target_group(TargetGroupArn=name)
    if ":alarm:" in name:
        return lambda: aws.cloudwatch.delete_alarms(AlarmNames=[name.split(":alarm:", 1)[1]])
    if ":schedule/" in name:
        return lambda: _cancel(aws, *name.split(":schedule/", 1)[1].split("/"))
    if ":rule/" in name:
        return lambda: _let_event_rule_go(aws, name.rsplit("/", 1)[1])
    if name.startswith("document/"):
        return lambda: aws.ssm.delete_document(Name=name.removeprefix("document/"))
    if ":instance-profile/" in name:
        return lambda: _disband(aws, name.rsplit("/", 1)[1])
    if ":role/" in name:
        return lambda: _strip(aws, name.rsplit("/", 1)[1])
    return None


def _close(aws: Aws, balancer: str) -> None:
    """Nobody uses a load balancer without listeners; AWS would delete them with it."""
    if aws.elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]:
        raise StepError("PHX-805", f"the load balancer {balancer} was not deleted: it has listeners")
    aws.elbv2.delete_load_balancer(LoadBalancerArn=balancer)


def _let_rule_go(aws: Aws, name: str) -> None:
    """A rule goes when another one of the load balancer sends its users the same way."""
    there = reachability.rules_of(
        aws, reachability.balancer_of(name.replace(":listener-rule/", ":listener/").rpartition("/")[0])
    )
    rule = next((one for one in there if one.arn == name), None)
    if rule is None:
        return
    kind, served = rule.tags.get("phoenix:rule", ""), any(rule.weights.values())
    beside = [one for one in there if one.arn != name and one.tags.get("phoenix:rule") == kind]
    if (
        kind != "preview"
        and served
        and not any(listener_rules.equal_shares(one.weights, rule.weights) for one in beside)
    ):
        raise StepError("PHX-806", f"the rule {name} was not deleted: no other one sends its users the same way")
    aws.elbv2.delete_rule(RuleArn=name)


def _silence(aws: Aws, listener: str) -> None:
    """Nobody is served by a listener without rules of its own."""
    if len(listener_rules.read_rules(aws, listener)) > 1:
        raise StepError("PHX-807", f"the listener {listener} was not deleted: it has rules")
    aws.elbv2.delete_listener(ListenerArn=listener)


def _cancel(aws: Aws, group: str, name: str) -> None:
    aws.scheduler.delete_schedule(GroupName=group, Name=name)


def _let_event_rule_go(aws: Aws, rule: str) -> None:
    """A rule of EventBridge goes once it has no target; a guard's has one."""
    if targets := [one["Id"] for one in aws.events.list_targets_by_rule(Rule=rule)["Targets"]]:
        aws.events.remove_targets(Rule=rule, Ids=targets)
    aws.events.delete_rule(Name=rule)


def _disband(aws: Aws, profile: str) -> None:
    """An instance profile goes once it holds no role."""
    for role in aws.iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]:
        aws.iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role["RoleName"])
    aws.iam.delete_instance_profile(InstanceProfileName=profile)


def _strip(aws: Aws, role: str) -> None:
    """A role goes once it has no policy. It has few: both lists come in one page."""
    for attached in aws.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        aws.iam.detach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
    for written in aws.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        aws.iam.delete_role_policy(RoleName=role, PolicyName=written)
    aws.iam.delete_role(RoleName=role)


def _revoke(aws: Aws, name: str) -> None:
    [rule] = aws.ec2.describe_security_group_rules(SecurityGroupRuleIds=[name])["SecurityGroupRules"]
    if rule["IsEgress"]:
        aws.ec2.revoke_security_group_egress(GroupId=rule["GroupId"], SecurityGroupRuleIds=[name])
    else:
        aws.ec2.revoke_security_group_ingress(GroupId=rule["GroupId"], SecurityGroupRuleIds=[name])
