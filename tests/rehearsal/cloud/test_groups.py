"""What the rehearsal's cloud knows about groups of servers and their templates, as a user of AWS's API sees it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.servers.process import ProcessMachines
from tests.rehearsal.boto3_stack import Stack, in_service, scaling, until, user_data


def test_unhealthy_server_is_replaced_by_its_group(s: Stack) -> None:
    targets = s.target_group("replaced")
    s.rule({targets: 1})
    s.group("replaced", s.template("replaced"), targets=[targets])
    (first,) = in_service(s, "replaced", 1)
    until(lambda: s.healthy(targets) == [first], what="healthy")

    assert isinstance(s.cloud.machines, ProcessMachines)
    s.cloud.machines.kill(instance_id=first)
    second = until(lambda: [t for t in s.healthy(targets) if t != first], what="a healthy replacement")
    assert second == s.members("replaced")
    causes = {
        activity["Description"].split(":")[0]: activity["Cause"] for activity in reversed(s.activities("replaced"))
    }
    assert causes["Terminating EC2 instance"].endswith(
        "an instance was taken out of service in response to an ELB system health check failure."
    )
    assert causes["Launching a new EC2 instance"].endswith(
        "an instance was launched in response to an unhealthy instance needing to be replaced."
    )


def test_grace_period_keeps_an_unhealthy_server(s: Stack) -> None:
    targets = s.target_group("graced")
    s.rule({targets: 1})
    template = s.template("graced", data=user_data(fault="answers-500"))
    s.group("graced", template, targets=[targets], HealthCheckGracePeriod=7200)
    s.group("graceless", template, targets=[targets], HealthCheckGracePeriod=0)
    (graced,) = in_service(s, "graced", 1)
    until(lambda: len(s.activities("graceless")) > 3, what="the group without grace replaces again and again")
    assert s.members("graced") == [graced]


def test_terminated_instance_is_replaced_after_the_groups_own_health_check(s: Stack) -> None:
    s.group("robbed", s.template("robbed"))
    (first,) = in_service(s, "robbed", 1)
    s.cloud.client("ec2").terminate_instances(InstanceIds=[first])
    until(lambda: s.members("robbed") not in ([], [first]), what="a replacement")
    causes = " ".join(activity["Cause"] for activity in s.activities("robbed"))
    assert "an EC2 health check that indicated it had been terminated or stopped" in causes


def test_min_size_lifts_the_desired_capacity_and_launches(s: Stack) -> None:
    s.group("lifted", s.template("lifted"))
    scaling(s).update_auto_scaling_group(AutoScalingGroupName="lifted", MinSize=3)
    assert (s.describe("lifted") or {})["DesiredCapacity"] == 3
    in_service(s, "lifted", 3)
    assert any("constraints to min: 3, max: 4, desired: 3" in activity["Cause"] for activity in s.activities("lifted"))


def test_group_spreads_over_its_subnets(s: Stack) -> None:
    s.group("spread", s.template("spread"), size=4)
    in_service(s, "spread", 4)
    zones = [instance["AvailabilityZone"] for instance in (s.describe("spread") or {})["Instances"]]
    assert sorted(zones) == ["eu-west-1a", "eu-west-1a", "eu-west-1b", "eu-west-1b"]


def test_failed_launch_is_an_activity_and_is_tried_again_until_it_works(s: Stack) -> None:
    reason = "We currently do not have sufficient t3.small capacity in the Availability Zone you requested."
    s.cloud.fail_launches(reason)
    try:
        s.group("unlucky", s.template("unlucky"))
        until(lambda: len(s.activities("unlucky")) >= 2, what="a second attempt")
        newest = s.activities("unlucky")[0]
        assert newest["StatusCode"] == "Failed"
        assert newest["StatusMessage"] == f"{reason} Launching EC2 instance failed."
        assert newest["Description"] == f"Launching a new EC2 instance.  Status Reason: {newest['StatusMessage']}"
        assert s.members("unlucky", "Pending", "InService") == []
    finally:
        s.cloud.fail_launches(None)
    in_service(s, "unlucky", 1)


def test_group_launches_in_another_zone_when_one_has_no_room(s: Stack) -> None:
    s.cloud.fail_launches("We currently do not have sufficient t3.small capacity.", zones=["eu-west-1a"])
    try:
        s.group("crowded", s.template("crowded"), size=2)
        in_service(s, "crowded", 2)
    finally:
        s.cloud.fail_launches(None)
    zones = [instance["AvailabilityZone"] for instance in (s.describe("crowded") or {})["Instances"]]
    assert zones == ["eu-west-1b", "eu-west-1b"]
    assert [one["StatusCode"] for one in s.activities("crowded")].count("Failed") == 2


def test_instance_that_ends_before_it_runs_is_a_canceled_activity_with_its_reason(s: Stack) -> None:
    s.cloud.fail_boots("Client.InternalError: Client error on launch")
    try:
        s.group("locked", s.template("locked"))
        until(lambda: any(one["StatusCode"] == "Cancelled" for one in s.activities("locked")), what="canceled")
    finally:
        s.cloud.fail_boots(None)
    said = [one["StatusMessage"] for one in s.activities("locked") if one["StatusCode"] == "Cancelled"]
    assert said[0] == (
        "Instance became unhealthy while waiting for instance to be in InService state. "
        "Termination Reason: Client.InternalError: Client error on launch"
    )
    in_service(s, "locked", 1)


def test_a_group_launches_under_a_customers_key_only_when_its_own_role_may_use_it(s: Stack) -> None:
    kms: Any = s.cloud.client("kms")
    role = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"

    def disk(key: str) -> dict[str, Any]:
        return {
            "DeviceName": "/dev/xvda",
            "Ebs": {"VolumeSize": 30, "Encrypted": True, **({"KmsKeyId": key} if key else {})},
        }

    def key(**said: Any) -> str:
        return str(kms.create_key(**said)["KeyMetadata"]["Arn"])

    def statement(effect: str, action: str) -> dict[str, Any]:
        return {"Effect": effect, "Principal": {"AWS": [role]}, "Action": action, "Resource": "*"}

    def reason(name: str, arn: str) -> str:
        s.group(name, s.template(name, BlockDeviceMappings=[disk(arn)]))
        until(lambda: any(one["StatusCode"] == "Cancelled" for one in s.activities(name)), what="canceled")
        return str(next(one["StatusMessage"] for one in s.activities(name) if one["StatusCode"] == "Cancelled"))

    of_the_account_alone = key()
    use = statement("Allow", "kms:*")
    without_grants = [statement("Allow", action) for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*")]
    grants = {**statement("Allow", "kms:CreateGrant"), "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
    as_the_guide_says = key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [*without_grants, grants]}))
    denied = key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [use, statement("Deny", "kms:Decrypt")]}))
    assert reason("closed", of_the_account_alone).endswith("Client.InternalError: Client error on launch")
    assert reason("denied", denied).endswith("Client.InternalError: Client error on launch")
    for name, arn in {"open": as_the_guide_says, "own": ""}.items():
        s.group(name, s.template(name, BlockDeviceMappings=[disk(arn)]))
        in_service(s, name, 1)
    kms.create_grant(
        KeyId=of_the_account_alone,
        GranteePrincipal=role,
        Operations=["CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext"],
    )
    s.group("granted", s.template("granted", BlockDeviceMappings=[disk(of_the_account_alone)]))
    in_service(s, "granted", 1)
    kms.disable_key(KeyId=as_the_guide_says.rpartition("/")[2])
    assert "Client.InvalidKMSKey.InvalidState" in reason("disabled", as_the_guide_says)


def test_force_deleted_group_empties_and_goes_and_its_activities_stay(s: Stack) -> None:
    targets = s.target_group("doomed", delay=25)
    s.rule({targets: 1})
    s.group("doomed", s.template("doomed"), targets=[targets])
    in_service(s, "doomed", 1)
    until(lambda: s.healthy(targets), what="healthy")
    scaling(s).delete_auto_scaling_group(AutoScalingGroupName="doomed", ForceDelete=True)
    assert (s.describe("doomed") or {})["Status"] == "Delete in progress"
    until(lambda: s.describe("doomed") is None, what="gone")
    assert scaling(s).describe_scaling_activities(AutoScalingGroupName="doomed")["Activities"] == []
    assert s.activities("doomed")[0]["Description"].startswith("Terminating EC2 instance: i-")


def test_group_is_pinned_to_its_template_version(s: Stack) -> None:
    """Its user data, its tags without those of the template itself, and the version that DescribeInstances shows."""
    ec2 = s.cloud.client("ec2")
    template = s.template("versions")
    data = base64.b64encode(user_data(generation="feedfeedfeed").encode()).decode()
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "phoenix:color", "Value": "green"}]}]
    ec2.create_launch_template_version(
        LaunchTemplateId=template,
        SourceVersion="1",
        LaunchTemplateData={
            "ImageId": s.image, "InstanceType": "t3.small", "UserData": data, "TagSpecifications": tags,
        },
    )  # fmt: skip
    s.group("versions", template, LaunchTemplate={"LaunchTemplateId": template, "Version": "2"})
    (server,) = in_service(s, "versions", 1)
    found = ec2.describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]
    assert {"Key": "aws:ec2launchtemplate:version", "Value": "2"} in found["Tags"]
    assert {"Key": "phoenix:color", "Value": "green"} in found["Tags"]
    assert (s.describe("versions") or {})["Instances"][0]["LaunchTemplate"]["Version"] == "2"
    console = until(
        lambda: text if "listens" in (text := ec2.get_console_output(InstanceId=server)["Output"]) else "",
        what="the machine's own words on its console",
    )
    assert "generation feedfeedfeed" in console


def test_tags_of_a_template_are_no_part_of_its_data(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    ec2.create_launch_template(
        LaunchTemplateName="tagged",
        LaunchTemplateData={"ImageId": s.image},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    version = ec2.describe_launch_template_versions(LaunchTemplateName="tagged")["LaunchTemplateVersions"][0]
    assert "TagSpecifications" not in version["LaunchTemplateData"]
    assert ec2.describe_launch_templates(LaunchTemplateNames=["tagged"])["LaunchTemplates"][0]["Tags"] == [
        {"Key": "a", "Value": "b"}
    ]


def test_hooks_and_policies_answer_what_they_were_given(s: Stack) -> None:
    s.group("hooked", s.template("hooked"), size=0)
    scaling(s).put_lifecycle_hook(
        LifecycleHookName="hook",
        AutoScalingGroupName="hooked",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )
    hook = scaling(s).describe_lifecycle_hooks(AutoScalingGroupName="hooked")["LifecycleHooks"][0]
    assert "RoleARN" not in hook and "NotificationTargetARN" not in hook
    metric = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        "TargetValue": 50.0,
    }
    scaling(s).put_scaling_policy(
        AutoScalingGroupName="hooked", PolicyName="cpu", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=metric,
    )  # fmt: skip
    policy = scaling(s).describe_policies(AutoScalingGroupName="hooked")["ScalingPolicies"][0]
    assert policy["Enabled"] is True
    assert "PredictiveScalingConfiguration" not in policy


def test_desired_capacity_stays_within_its_bounds(s: Stack) -> None:
    s.group("bounded", s.template("bounded"), size=1)
    with pytest.raises(ClientError, match="New SetDesiredCapacity value 9 is above max value 4"):
        scaling(s).set_desired_capacity(AutoScalingGroupName="bounded", DesiredCapacity=9)
    with pytest.raises(ClientError, match="Max bound, 4, must be greater than or equal to min bound, 5"):
        scaling(s).update_auto_scaling_group(AutoScalingGroupName="bounded", MinSize=5)


def test_a_server_in_standby_is_of_no_size_and_ends_with_force_only(s: Stack) -> None:
    targets = s.target_group("aside")
    s.rule({targets: 1})
    s.group("aside", s.template("aside"), targets=[targets])
    (first,) = in_service(s, "aside", 1)
    until(lambda: s.healthy(targets) == [first], what="healthy")
    scaling(s).enter_standby(AutoScalingGroupName="aside", InstanceIds=[first], ShouldDecrementDesiredCapacity=False)
    second = until(lambda: [one for one in s.healthy(targets) if one != first], what="another serves instead")
    scaling(s).update_auto_scaling_group(AutoScalingGroupName="aside", MinSize=0, DesiredCapacity=0)
    until(lambda: s.members("aside", "Standby", "InService", "Terminating") == [first], what="who serves has ended")
    assert second != [first]
    scaling(s).delete_auto_scaling_group(AutoScalingGroupName="aside", ForceDelete=True)
    until(lambda: s.describe("aside") is None, what="gone")


def test_a_hook_holds_a_server_until_its_action_is_completed(s: Stack) -> None:
    s.group("held", s.template("held"), size=0)
    scaling(s).put_lifecycle_hook(
        LifecycleHookName="hook",
        AutoScalingGroupName="held",
        HeartbeatTimeout=7200,
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )
    scaling(s).update_auto_scaling_group(AutoScalingGroupName="held", DesiredCapacity=1)
    (server,) = until(lambda: s.members("held", "Pending:Wait"), what="held")
    scaling(s).complete_lifecycle_action(
        AutoScalingGroupName="held", LifecycleHookName="hook", InstanceId=server, LifecycleActionResult="CONTINUE"
    )
    assert in_service(s, "held", 1) == [server]


def test_a_groups_scaling_policies_go_with_it(s: Stack) -> None:
    """Source: EC2 Auto Scaling API reference, DeleteAutoScalingGroup."""
    group = s.group("scaled", s.template("scaled"), size=0)
    scaling(s).put_scaling_policy(
        AutoScalingGroupName=group,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 50,
        },
    )
    scaling(s).delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    assert [
        one["PolicyName"]
        for one in scaling(s).describe_policies()["ScalingPolicies"]
        if one["AutoScalingGroupName"] == group
    ] == []


def mixed(s: Stack, name: str, *types: str, size: int = 1, spot: int = 0, base: int = 0) -> None:
    """A group of several types, and partly of Spot."""
    template = s.template(name)
    policy: Any = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"},
            "Overrides": [{"InstanceType": one} for one in types],
        },
        "InstancesDistribution": {"OnDemandBaseCapacity": base, "OnDemandPercentageAboveBaseCapacity": 100 - spot},
    }
    scaling(s).create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=size, MaxSize=8, MixedInstancesPolicy=policy,
        VPCZoneIdentifier=",".join(s.subnets),
    )  # fmt: skip


def types(s: Stack, name: str) -> list[str]:
    return sorted(one["InstanceType"] for one in (s.describe(name) or {})["Instances"])


def test_a_group_of_several_types_takes_the_first_that_there_is(s: Stack) -> None:
    mixed(s, "choosy", "t3.small", "t3a.small")
    in_service(s, "choosy", 1)
    s.cloud.refuse_types("t3.small")
    try:
        scaling(s).update_auto_scaling_group(AutoScalingGroupName="choosy", MinSize=2)
        in_service(s, "choosy", 2)
        assert types(s, "choosy") == ["t3.small", "t3a.small"]
        found = s.describe("choosy") or {}
        assert "LaunchTemplate" not in found
        assert [one["InstanceType"] for one in found["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]] == [
            "t3.small",
            "t3a.small",
        ]
        s.cloud.refuse_types("t3.small", "t3a.small")
        scaling(s).update_auto_scaling_group(AutoScalingGroupName="choosy", MinSize=3)
        said = until(lambda: [one for one in s.activities("choosy") if one["StatusCode"] == "Failed"], what="a refusal")
        assert said[0]["StatusMessage"].startswith(
            "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient"
            " t3.small capacity in the Availability Zone"
        )
    finally:
        s.cloud.refuse_types()
    in_service(s, "choosy", 3)


def test_what_is_above_the_base_is_spot_by_its_percentage(s: Stack) -> None:
    mixed(s, "cheap", "t3.small", size=4, spot=50, base=1)
    in_service(s, "cheap", 4)
    found = s.cloud.client("ec2").describe_instances(InstanceIds=s.members("cheap"))["Reservations"]
    kinds = [one.get("InstanceLifecycle", "on demand") for lot in found for one in lot["Instances"]]
    # Of three above the base one and a half are on demand, which AWS rounds up.
    assert sorted(kinds) == ["on demand", "on demand", "on demand", "spot"]
