"""What the rehearsal's cloud knows about targets, instances and images, as a user of AWS's API sees it."""

from __future__ import annotations

import pytest

from tests.rehearsal.boto3_stack import Stack, forward, in_service, scaling, state, until, user_data


def test_target_is_unused_until_a_rule_names_its_group_then_initial_then_healthy(s: Stack) -> None:
    # On a busy machine the server listens some checks later.
    targets = s.target_group("named-late", interval=30, UnhealthyThresholdCount=10)
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


def test_instance_is_pending_while_it_boots(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    run = ec2.run_instances(ImageId=s.image, MinCount=1, MaxCount=1, InstanceType="t3.small")
    instance = run["Instances"][0]
    assert instance["State"]["Name"] == "pending"
    until(lambda: state(s, instance["InstanceId"]) == "running", what="running")


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


def test_target_group_shows_who_names_it_now(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    one, other = s.target_group("shown-1"), s.target_group("shown-2")
    rule = s.rule({one: 1})
    elbv2.modify_rule(RuleArn=rule, Actions=[forward({other: 1})])
    groups = elbv2.describe_target_groups(TargetGroupArns=[one, other])["TargetGroups"]
    assert {g["TargetGroupName"]: g["LoadBalancerArns"] for g in groups} == {"shown-1": [], "shown-2": [s.balancer]}


def test_deleting_a_target_group_again_is_no_error(s: Stack) -> None:
    targets = s.target_group("twice")
    client = s.cloud.client("elbv2")
    client.delete_target_group(TargetGroupArn=targets)
    client.delete_target_group(TargetGroupArn=targets)
    assert targets not in [one["TargetGroupArn"] for one in client.describe_target_groups()["TargetGroups"]]
