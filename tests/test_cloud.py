"""What the rehearsal's cloud knows about targets, groups and instances, as a user of AWS's API sees it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.cloud import Cloud
from tests.rehearsed import Stack, forward, stack, until, user_data


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    workdir: Path = tmp_path_factory.mktemp("cloud")
    with Cloud(workdir, boot_seconds=5, time_scale=0.02) as cloud:
        yield stack(cloud)


@pytest.fixture
def s(shared: Stack) -> Stack:
    return shared.fresh()


def scaling(s: Stack) -> Any:
    return s.cloud.client("autoscaling")


def in_service(s: Stack, group: str, count: int) -> list[str]:
    return until(
        lambda: found if len(found := s.members(group)) == count else [], what=f"{count} of {group} in service"
    )


def test_target_is_unused_until_a_rule_names_its_group_then_initial_then_healthy(s: Stack) -> None:
    targets = s.target_group("named-late")
    s.group("named-late", s.template("named-late"), targets=[targets])
    (server,) = in_service(s, "named-late", 1)
    until(lambda: s.health(targets), what="registered")
    assert s.health(targets) == {server: ("unused", "Target.NotInUse")}

    rule = s.rule({targets: 1})
    until(lambda: s.healthy(targets) == [server], what="healthy")
    seen = [event.text for event in s.cloud.events if event.subject == server and event.kind == "health"]
    assert seen == ["healthy in named-late"]

    s.cloud.client("elbv2").delete_rule(RuleArn=rule)
    until(lambda: s.health(targets) == {server: ("unused", "Target.NotInUse")}, what="unused again")


def test_target_that_never_answered_is_initial_with_awss_reason(s: Stack) -> None:
    targets = s.target_group("silent", interval=300, UnhealthyThresholdCount=10)
    s.rule({targets: 1})
    s.group("silent", s.template("silent", data=user_data(fault="never-answers")), targets=[targets])
    (server,) = in_service(s, "silent", 1)
    until(lambda: s.health(targets).get(server) == ("initial", "Elb.InitialHealthChecking"), what="initial")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("answers-500", "Target.ResponseCodeMismatch"),
        ("never-answers", "Target.Timeout"),
        ("slow-boot=3600", "Target.FailedHealthChecks"),
    ],
)
def test_unhealthy_target_says_why(s: Stack, fault: str, reason: str) -> None:
    name = f"sick-{reason.partition('.')[2]}"
    targets = s.target_group(name)
    s.rule({targets: 1})
    s.group(name, s.template(name, data=user_data(fault=fault)), targets=[targets], HealthCheckType="EC2")
    (server,) = in_service(s, name, 1)
    until(lambda: s.health(targets).get(server) == ("unhealthy", reason), what=f"unhealthy for {reason}")


def test_server_that_leaves_a_group_drains_before_it_terminates(s: Stack) -> None:
    targets = s.target_group("drains", delay=3600)
    s.rule({targets: 1})
    s.group("drains", s.template("drains"), targets=[targets])
    (server,) = in_service(s, "drains", 1)
    until(lambda: s.healthy(targets) == [server], what="healthy")

    scaling(s).update_auto_scaling_group(AutoScalingGroupName="drains", MinSize=0, DesiredCapacity=0)
    until(lambda: s.health(targets).get(server, ("",))[0] == "draining", what="draining")
    assert s.health(targets)[server] == ("draining", "Target.DeregistrationInProgress")
    assert s.members("drains", "Terminating") == [server]
    newest = s.activities("drains")[0]
    assert newest["StatusCode"] == "WaitingForELBConnectionDraining"
    assert newest["Description"] == f"Terminating EC2 instance: {server} - Waiting For ELB Connection Draining."
    assert state(s, server) == "running"


def test_drained_server_is_terminated_and_forgotten(s: Stack) -> None:
    targets = s.target_group("drained", delay=20)
    s.rule({targets: 1})
    s.group("drained", s.template("drained"), targets=[targets])
    (server,) = in_service(s, "drained", 1)
    until(lambda: s.healthy(targets) == [server], what="healthy")
    scaling(s).update_auto_scaling_group(AutoScalingGroupName="drained", MinSize=0, DesiredCapacity=0)
    until(lambda: state(s, server) == "terminated", what="terminated")
    until(lambda: not s.health(targets), what="no targets left")
    assert s.activities("drained")[0]["StatusCode"] == "Successful"


def state(s: Stack, instance_id: str) -> str:
    found = s.cloud.client("ec2").describe_instances(InstanceIds=[instance_id])
    name: str = found["Reservations"][0]["Instances"][0]["State"]["Name"]
    return name


def test_unhealthy_server_is_replaced_by_its_group(s: Stack) -> None:
    targets = s.target_group("replaced")
    s.rule({targets: 1})
    s.group("replaced", s.template("replaced"), targets=[targets])
    (first,) = in_service(s, "replaced", 1)
    until(lambda: s.healthy(targets) == [first], what="healthy")

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


def test_instance_is_pending_while_it_boots(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    run = ec2.run_instances(ImageId=s.image, MinCount=1, MaxCount=1, InstanceType="t3.small")
    instance = run["Instances"][0]
    assert instance["State"]["Name"] == "pending"
    until(lambda: state(s, instance["InstanceId"]) == "running", what="running")


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


def test_image_that_vanished_fails_later_launches(s: Stack) -> None:
    image = own_image(s, "vanishes")
    s.group("imageless", s.template("imageless", image=image))
    in_service(s, "imageless", 1)
    s.cloud.client("ec2").deregister_image(ImageId=image)
    scaling(s).set_desired_capacity(AutoScalingGroupName="imageless", DesiredCapacity=2)
    failed = until(lambda: [a for a in s.activities("imageless") if a["StatusCode"] == "Failed"], what="a failure")
    assert failed[0]["StatusMessage"] == f"The image id '[{image}]' does not exist. Launching EC2 instance failed."


def own_image(s: Stack, name: str) -> str:
    (server, *_) = s.members(s.group(f"for-{name}", s.template(f"for-{name}"))) or in_service(s, f"for-{name}", 1)
    image: str = s.cloud.client("ec2").create_image(
        InstanceId=server,
        Name=name,
        TagSpecifications=[
            {"ResourceType": kind, "Tags": [{"Key": "phoenix:service", "Value": "phoenix"}]}
            for kind in ("image", "snapshot")
        ],
    )["ImageId"]
    return image


def test_image_and_its_snapshot_get_their_tags_at_once(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    image = ec2.describe_images(ImageIds=[own_image(s, "tagged")])["Images"][0]
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    expected = [{"Key": "phoenix:service", "Value": "phoenix"}]
    assert image["Tags"] == expected
    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Tags"] == expected
    assert image["OwnerId"] == s.cloud.account


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


def test_target_group_shows_who_names_it_now(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    one, other = s.target_group("shown-1"), s.target_group("shown-2")
    rule = s.rule({one: 1})
    elbv2.modify_rule(RuleArn=rule, Actions=[forward({other: 1})])
    groups = elbv2.describe_target_groups(TargetGroupArns=[one, other])["TargetGroups"]
    assert {g["TargetGroupName"]: g["LoadBalancerArns"] for g in groups} == {"shown-1": [], "shown-2": [s.balancer]}
