"""Launches that fail: what AWS says is what the user reads, and production never hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.backends import get_backend

from rehearsal.cloud.calls import Call, Refusal
from rehearsal.state.cloud_state import ACCOUNT
from tests.faults.trial import Trial

NOT_VERIFIED = "was not verified; production was not touched"
AGAIN = "then run `pulumi up` again"
# EC2's words (API reference, "Error codes"; EC2 Auto Scaling user guide, "Troubleshoot issues").
QUOTA = (
    "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that "
    "the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request "
    "an adjustment to this limit."
)
NO_ROOM = (
    "We currently do not have sufficient t3.small capacity in the Availability Zone you requested (eu-west-1a). "
    "Our system will be working on provisioning additional capacity."
)
NO_KEY = "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"
NO_RIGHT = "Client.InternalError: Client error on launch"
SHORT = {"bootSeconds": 29, "verifyTimeoutSeconds": 30}


@contextmanager
def launches(trial: Trial, reason: str, **where: Any) -> Iterator[None]:
    trial.stack.cloud.fail_launches(reason, **where)
    try:
        yield
    finally:
        trial.stack.cloud.fail_launches(None)


@contextmanager
def boots(trial: Trial, reason: str) -> Iterator[None]:
    trial.stack.cloud.fail_boots(reason)
    try:
        yield
    finally:
        trial.stack.cloud.fail_boots(None)


@pytest.mark.representative("back")
def test_a_quota_that_is_used_up(trial: Trial) -> None:
    trial.change(**SHORT)
    with launches(trial, QUOTA):
        trial.refused(
            NOT_VERIFIED,
            "servers could not be launched for",
            QUOTA,
            "ask for a higher limit in Service Quotas",
            "two groups live at once during a flip",
            AGAIN,
        )
    trial.ends()


def test_no_capacity_in_any_zone(trial: Trial) -> None:
    trial.change(**SHORT)
    with launches(trial, NO_ROOM):
        trial.refused(
            NOT_VERIFIED, "servers could not be launched for", NO_ROOM, "name more types that would do", AGAIN
        )
    trial.ends()


def test_no_capacity_in_one_zone(trial: Trial) -> None:
    """The group launches where there is room, and the flip goes on."""
    trial.change()
    with launches(trial, NO_ROOM, zones=["eu-west-1a"]):
        trial.up()
    assert trial.share() == 100
    assert set(zones(trial)) == {"eu-west-1b"}
    trial.ends()


def test_an_image_that_was_deregistered_before_the_launch(trial: Trial) -> None:
    images: Any = get_backend("ec2")[ACCOUNT][trial.stack.cloud.region].amis
    before, gone = set(images), list[str]()

    def deregister(call: Call) -> Refusal | None:
        if call.name == "autoscaling:CreateAutoScalingGroup" and not gone:
            gone.extend(set(images) - before)
            for image in gone:
                images.pop(image)
        return None

    trial.change()
    with trial.stack.cloud.calls.failing(deregister):
        said = trial.refused("does not exist")
    assert gone[0] in said
    trial.ends()


def test_a_key_that_is_disabled(trial: Trial) -> None:
    trial.change(**SHORT)
    with boots(trial, NO_KEY):
        trial.refused(NOT_VERIFIED, NO_KEY, "let the role AWSServiceRoleForAutoScaling use the key", AGAIN)
    trial.ends()


def test_a_key_without_permission(trial: Trial) -> None:
    trial.change(**SHORT)
    with boots(trial, NO_RIGHT):
        trial.refused(NOT_VERIFIED, NO_RIGHT, "let the role AWSServiceRoleForAutoScaling use the key", AGAIN)
    trial.ends()


def test_some_servers_are_healthy_and_some_never(trial: Trial) -> None:
    """Those of one zone never answer, however often they are replaced."""
    trial.change()
    with trial.machines("never-answers", but=lambda instance: zone(trial, instance) != "eu-west-1b"):
        trial.refused(NOT_VERIFIED, "the servers fail as fast as they are launched", "Target.Timeout", AGAIN)
    trial.ends()


def zone(trial: Trial, instance: str) -> str:
    found: Any = get_backend("ec2")[ACCOUNT][trial.stack.cloud.region]
    return str(found.get_instance(instance).placement.zone)


def zones(trial: Trial) -> list[str]:
    """Where the new servers stand."""
    group = trial.born()
    assert group is not None
    return [zone(trial, instance) for instance in group.instances]


def test_no_capacity_of_any_type(trial: Trial) -> None:
    trial.change(instanceType="t3.small, t3a.small", **SHORT)
    trial.stack.cloud.refuse_types("t3.small", "t3a.small")
    try:
        trial.refused(NOT_VERIFIED, "do not have sufficient t3.small capacity", "name more types that would do", AGAIN)
    finally:
        trial.stack.cloud.refuse_types()
    trial.ends()
