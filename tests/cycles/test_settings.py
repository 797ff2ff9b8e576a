"""Settings that change while servers live: what is theirs is refused, what is around them is updated in place."""

from __future__ import annotations

import pytest

from core.names import other_color, shown
from tests.cycles.stack import Stack, by_color, until


@pytest.mark.parametrize("what", ["scripts", "instance type"])
def test_what_makes_a_live_server_is_not_changed_in_place(stack: Stack, what: str) -> None:
    [live] = stack.groups().values()
    before = {(item.urn, item.id) for item in stack.engine.resources()}
    if what == "scripts":
        stack.change()
    else:
        stack.set(instanceType="t3.large")
    said = stack.refused()
    assert f"active is {live.color}, which serves production as generation {live.generation}" in said
    assert ("image: " if what == "scripts" else "instanceType: t3.small -> t3.large") in said
    assert f"pulumi config set active {other_color(live.color)}" in said
    assert (f"pulumi config set image {shown(live.fingerprint)}" in said) == (what == "scripts")
    assert stack.groups() == {live.color: live}
    assert {(item.urn, item.id) for item in stack.engine.resources()} == before
    if what == "scripts":
        stack.revert()
    stack.set(instanceType="t3.small")
    stack.idle()


def test_the_next_group_is_as_large_as_the_live_one_has_grown(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other_color(live.color)
    scaling = stack.cloud.client("autoscaling")
    scaling.set_desired_capacity(AutoScalingGroupName=live.name, DesiredCapacity=4)
    until(lambda: stack.groups()[live.color].in_service == 4, what="four servers in service")
    stack.set(active=new)
    stack.up()
    first = next(sample for sample in stack.samples() if by_color(sample.weights).get(new))
    assert {group.color: group.in_service for group in first.groups} == {live.color: 4, new: 4}
    [born] = stack.groups().values()
    assert (born.minimum, born.desired) == (2, 4)
    stack.idle()
    scaling.set_desired_capacity(AutoScalingGroupName=born.name, DesiredCapacity=2)
    until(lambda: stack.groups()[new].in_service == 2, what="two servers again")


def test_what_is_around_the_servers_is_updated_in_place(stack: Stack) -> None:
    [live] = stack.groups().values()
    usual = {"maxSize": 4, "soakSeconds": 0, "healthCheckIntervalSeconds": 5, "drainSeconds": 1, "targetCpuPercent": 0}
    stack.set(maxSize=6, soakSeconds=2, healthCheckIntervalSeconds=6, drainSeconds=2, targetCpuPercent=60)
    done = stack.up()
    assert set(done.changes) == {"same", "update"}, done.text
    [now] = stack.groups().values()
    assert (now.name, now.template, now.instances) == (live.name, live.template, live.instances)
    assert now.maximum == 6
    balancing, scaling = stack.cloud.client("elbv2"), stack.cloud.client("autoscaling")
    [target] = balancing.describe_target_groups(TargetGroupArns=[live.target_group])["TargetGroups"]
    assert target["HealthCheckIntervalSeconds"] == 6
    said = balancing.describe_target_group_attributes(TargetGroupArn=live.target_group)["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "2"} in said
    [policy] = scaling.describe_policies(AutoScalingGroupName=live.name)["ScalingPolicies"]
    assert policy["TargetTrackingConfiguration"]["TargetValue"] == 60
    stack.set(**usual)
    stack.up()
    assert scaling.describe_policies(AutoScalingGroupName=live.name)["ScalingPolicies"] == []
    assert [one.instances for one in stack.groups().values()] == [live.instances]
    stack.idle()
    assert {one.generation for one in stack.requests()} == {live.generation}


def test_the_next_servers_have_the_types_the_rights_and_the_front_that_the_settings_say(stack: Stack) -> None:
    """A type of which AWS has none gives way to the next."""
    [live] = stack.groups().values()
    new, arn = other_color(live.color), "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
    said = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}
    stack.set(active=new, instanceType="t3.small, t3a.small", spotPercent=100, onDemandBase=1)
    stack.set(policyArns=[arn], policyStatements=[said], idleTimeoutSeconds=61, slowStartSeconds=30)
    stack.set(requestsPerServer=3000)
    stack.cloud.refuse_types("t3.small")
    try:
        done = stack.up()
    finally:
        stack.cloud.refuse_types()
    assert "2 servers, of t3.small, else t3a.small; 1 of them Spot, which AWS may end" in done.text
    assert "servers have CloudWatchAgentServerPolicy, 1 of policyStatements, without bounds" in done.text
    assert "of 2 servers 2 are t3a.small: AWS did not give t3.small" in done.text
    [group] = stack.groups().values()
    found = stack.cloud.client("ec2").describe_instances(InstanceIds=sorted(group.instances))["Reservations"]
    servers = [one for lot in found for one in lot["Instances"]]
    assert sorted((one["InstanceType"], one.get("InstanceLifecycle", "")) for one in servers) == [
        ("t3a.small", ""),
        ("t3a.small", "spot"),
    ]
    iam, balancing = stack.cloud.client("iam"), stack.cloud.client("elbv2")
    profile = servers[0]["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    [role] = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [arn]
    attributes = balancing.describe_target_group_attributes(TargetGroupArn=group.target_group)["Attributes"]
    assert {"Key": "slow_start.duration_seconds", "Value": "30"} in attributes
    policies = stack.cloud.client("autoscaling").describe_policies(AutoScalingGroupName=group.name)["ScalingPolicies"]
    assert {one["TargetTrackingConfiguration"]["TargetValue"] for one in policies} == {50, 3000}
    stack.idle()
    stack.set(active=live.color, instanceType="t3.small", spotPercent=0)
    stack.set(idleTimeoutSeconds=60, slowStartSeconds=0, requestsPerServer=0)
    stack.up()
    assert list(stack.groups()) == [live.color]
    stack.idle()
