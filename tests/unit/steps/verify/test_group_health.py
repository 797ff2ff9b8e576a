"""Whether a group is healthy: the decision, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.server_groups import Target
from steps.verify import group_health, launch_errors
from steps.verify.group_health import GroupSnapshot
from steps.verify.launch_errors import Severity, classify


@pytest.mark.parametrize(
    ("message", "trouble", "do"),
    [
        ("We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (eu-west-1a). "
         "Launching EC2 instance failed.", Severity.TRANSIENT, "name more types"),
        ("You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that "
         "the specified instance type belongs to. Launching EC2 instance failed.",
         Severity.TRANSIENT, "Service Quotas"),
        ("You have requested more instances (7) than your current instance limit of 6 allows for the specified "
         "instance type.", Severity.TRANSIENT, "Service Quotas"),
        ("Max spot instance count exceeded. Launching EC2 instance failed.",
         Severity.TRANSIENT, "Service Quotas"),
        ("Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name. "
         "Launching EC2 instance failed.", Severity.TRANSIENT, "check the role"),
        ("Your requested instance type (t9.huge) is not supported in your requested Availability Zone (eu-west-1a).",
         Severity.TRANSIENT, "other Availability Zones"),
        ("The image id '[ami-0123456789abcdef0]' does not exist. Launching EC2 instance failed.", Severity.PERMANENT,
         "image FINGERPRINT"),
        ("The key pair 'admin' does not exist. Launching EC2 instance failed.", Severity.PERMANENT, "key pair"),
        ("Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "
         "Client.InternalError: Client error on launch", Severity.PERMANENT, "key that the image's snapshots"),
        ("You are not authorized to perform this operation. Encoded authorization failure message: x",
         Severity.PERMANENT, "AWSServiceRoleForAutoScaling"),
        ("The requested instance type's architecture (i386) does not match the architecture in the manifest for "
         "ami-6ffd1234 (x86_64). Launching ec2 instance failed.", Severity.PERMANENT, "different architectures"),
        ("The security group 'sg-1' does not exist. Launching EC2 instance failed.", Severity.PERMANENT, "the setting"),
        ("The requested configuration is currently not supported. Please check the documentation for supported "
         "configurations. Launching EC2 instance failed.", Severity.TRANSIENT, "other Availability Zones"),
        ("Invalid device name upload. Launching EC2 instance failed.", Severity.PERMANENT, "the setting"),
        ("Value (disk) for parameter virtualName is invalid. Expected format: 'ephemeralNUMBER'. Launching EC2 "
         "instance failed.", Severity.PERMANENT, "the setting"),
        ("Placement groups may not be used with instances of type 'm1.large'. Launching EC2 instance failed.",
         Severity.PERMANENT, "the setting"),
        ("There is no Spot capacity available that matches your request. Launching EC2 instance failed.",
         Severity.TRANSIENT, "name more types"),
        ("7 instance(s) are already running. Launching EC2 instance failed.",
         Severity.TRANSIENT, "Service Quotas"),
        ("AMI ami-0123456789abcdef0 is pending, and cannot be run. Launching EC2 instance failed.", Severity.TRANSIENT,
         "is being made"),
        ("Access denied when attempting to assume role arn:aws:iam::123456789012:role/aws-service-role/"
         "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling. Validating load balancer configuration failed.",
         Severity.PERMANENT, "AWSServiceRoleForAutoScaling"),
        ("There are not enough free addresses in subnet 'subnet-0' to satisfy the requested number of instances.",
         Severity.TRANSIENT, "serverSubnetIds"),
        ("Request limit exceeded. Launching EC2 instance failed.", Severity.TRANSIENT, "pulumi up later"),
        ("Server.InternalError: Internal error on launch", Severity.TRANSIENT, "pulumi up later"),
        ("You have exceeded your maximum gp3 storage limit of 50 TiB.", Severity.TRANSIENT, "Service Quotas"),
        ("PendingVerification: Your request for accessing resources in this region is being validated, and you will "
         "not be able to launch additional resources in this region until the validation is complete.",
         Severity.TRANSIENT, "pulumi up later"),
        ("OptInRequired: In order to use this AWS Marketplace product you need to accept terms and subscribe.",
         Severity.PERMANENT, "do what it says"),
        ("Client.InvalidSnapshot.NotFound: The snapshot does not exist.", Severity.PERMANENT, "image FINGERPRINT"),
        ("InvalidParameterValue: User data is limited to 16384 bytes", Severity.PERMANENT, "the setting"),
        ("Could not launch On-Demand Instances. InvalidBlockDeviceMapping - Volume of size 10GB is smaller than  "
         "snapshot 'snap-0b5c5ea11d58e1fec', expect size >= 20GB. Launching EC2 instance failed.", Severity.PERMANENT,
         "rootVolumeGiB"),
        ("Something that AWS has never said before", Severity.TRANSIENT, "Activity tab"),
    ],
)  # fmt: skip
def test_a_failed_launch_is_hopeless_or_may_pass(message: str, trouble: Severity, do: str) -> None:
    cause = classify(message)

    assert cause.trouble is trouble
    assert do in cause.do


UP = Target(id="i-1", state="healthy")
SICK = Target(
    id="i-2",
    state="unhealthy",
    reason="Target.ResponseCodeMismatch",
    description="Health checks failed with these codes: [503]",
)
BOOTING = Target(id="i-2", state="initial", reason="Elb.InitialHealthChecking")
NO_CAPACITY = "We currently do not have sufficient t3.micro capacity"
LOOK = GroupSnapshot(elapsed=10, limit=900, needed=2, launched=2, targets=(UP, BOOTING))


@pytest.mark.parametrize(
    ("look", "outcome"),
    [
        (LOOK, "wait"),
        (replace(LOOK, targets=(UP, UP)), "wait"),
        (replace(LOOK, targets=(UP, UP), passes=3), "born"),
        # A balancer without healthy servers asks any of them: good answers alone prove nothing.
        (replace(LOOK, passes=3), "wait"),
        (replace(LOOK, targets=(UP, UP), fails=19), "wait"),
        (
            replace(LOOK, targets=(UP, UP), fails=20, smoke="answered 500"),
            "smoke test failed 20 times in a row: answered",
        ),
        (replace(LOOK, failures=(NO_CAPACITY,), launched=1), "wait"),
        (replace(LOOK, failures=(NO_CAPACITY,), launched=1, elapsed=450), "not be launched for 450 s: We currently"),
        (replace(LOOK, failures=(NO_CAPACITY,), launched=2, elapsed=450), "wait"),
        (replace(LOOK, failures=("The key pair 'x' does not exist",), launched=1), "launched: The key pair 'x'"),
        (replace(LOOK, replaced=2), "wait"),
        (replace(LOOK, replaced=3), "fail as fast as they are launched: 3 were replaced"),
        # Who is there now has only just begun; who died knows why.
        (replace(LOOK, replaced=3, unhealthy=(SICK,)), "3 were replaced\ni-2 unhealthy (Target.ResponseCodeMismatch)"),
        # A launch that is accepted and ends before it boots is no boot that failed.
        (replace(LOOK, replaced=3, failures=("Client.InternalError: x",)), "ended before they ran: Client.InternalErr"),
        (replace(LOOK, lost=1), "wait"),
        (replace(LOOK, targets=(UP, UP), passes=3, lost=2), "2 were healthy and are not any more"),
        (replace(LOOK, needed=1, launched=1, targets=(UP,), passes=3, lost=1), "born"),
        (replace(LOOK, elapsed=900), "1 of 2 servers were healthy after 900 s"),
        (replace(LOOK, elapsed=900, targets=(UP, UP), smoke="answered 404"), "not pass within 900 s: answered 404"),
    ],
)
def test_a_birth_waits_ends_or_fails(look: GroupSnapshot, outcome: str) -> None:
    verdict = group_health.verdict(look)

    if outcome == "wait":
        assert (verdict.healthy, verdict.failure) == (False, None)
    elif outcome == "born":
        assert (verdict.healthy, verdict.failure) == (True, None)
    else:
        assert verdict.failure and outcome in verdict.failure.what
        assert verdict.failure.fix


def test_a_load_balancer_that_can_not_be_reached_from_here_is_not_the_application_s_fault() -> None:
    unreached = replace(LOOK, targets=(UP, UP), fails=20, smoke="10.0.0.1 did not answer: timed out")
    broken = replace(unreached, smoke="10.0.0.1 answered 500")

    assert "`allowedCidrs` must have its address" in str(group_health.verdict(unreached).failure)
    assert "allowedCidrs" in str(group_health.verdict(replace(unreached, fails=1, elapsed=900)).failure)
    assert "see why the application answers so" in str(group_health.verdict(broken).failure)


def test_every_server_that_is_not_healthy_says_why() -> None:
    assert group_health.reasons([UP, SICK]) == (
        "i-2 unhealthy (Target.ResponseCodeMismatch): Health checks failed with these codes: [503]"
        " - the application answers the health path with the wrong status"
    )
    assert group_health.reasons([]) == "no server was registered with the load balancer"


def test_launches_that_fail_of_several_reasons_are_told_with_each_once() -> None:
    other = "We currently do not have sufficient t3a.micro capacity"
    look = replace(LOOK, failures=(NO_CAPACITY, other, NO_CAPACITY), launched=1, elapsed=450)
    failure = group_health.verdict(look).failure
    assert failure and failure.title.endswith(f"450 s: {NO_CAPACITY}\n{other}")
    many = launch_errors.causes([f"reason {n}" for n in range(6)])
    assert many == "reason 0\nreason 1\nreason 2\nreason 3\nand 2 more"


@pytest.mark.parametrize(
    ("wanted", "types", "line"),
    [
        ((), ("t3.small",), ""),
        (("t3.small", "t3a.small"), ("t3.small", "t3.small"), ""),
        (
            ("t3.small", "t3a.small", "t2.small"),
            ("t3.small", "t3a.small", "t3a.small", "t2.small"),
            "of 4 servers 1 is t2.small, 2 are t3a.small: AWS did not give t3.small, the first of instanceType, for"
            " them",
        ),
    ],
)
def test_servers_of_another_type_than_the_preferred_one_are_told(
    wanted: tuple[str, ...], types: tuple[str, ...], line: str
) -> None:
    assert group_health.types_line(wanted, types) == line
