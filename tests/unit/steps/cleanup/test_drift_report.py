"""What is told of a group before it dies, and that telling never keeps it alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from steps.cleanup import drift_report
from steps.cleanup.retire import Options, retire
from steps.runtime.signals import Interrupted
from tests.unit.steps.cloud import ACCOUNT, BLUE, REGION, STACK, Color, World

SERVER = "i-0123456789abcdef0"
TEMPLATE = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "a", "Version": "1"}
VERIFIED: Any = {"phoenix:verified": "cccccccccccc"}


def group(*, born: str = "servers=1", members: int = 1, template: Any = TEMPLATE, **tags: Any) -> Any:
    said = {"phoenix:born": born, "phoenix:generation": BLUE, "phoenix:verified": BLUE, "Name": "blue", **tags}
    ids = [SERVER, "i-0000000000000000b"][:members]
    return {
        "LaunchTemplate": TEMPLATE,
        "Instances": [{"InstanceId": id_, "LifecycleState": "InService", "LaunchTemplate": template} for id_ in ids],
        "Tags": [{"Key": key, "Value": value} for key, value in said.items()],
    }


def test_a_group_as_it_was_born_has_no_differences() -> None:
    assert list(drift_report.differences(group(), [SERVER])) == []


def test_a_group_of_several_types_is_held_to_the_template_of_its_policy() -> None:
    found = group()
    found["MixedInstancesPolicy"] = {"LaunchTemplate": {"LaunchTemplateSpecification": found.pop("LaunchTemplate")}}
    assert list(drift_report.differences(found, [SERVER])) == []
    found["Instances"][0]["LaunchTemplate"] = {**TEMPLATE, "Version": "2"}
    [line] = drift_report.differences(found, [SERVER])
    assert "was made by another launch template (lt-1 version 2, not lt-1 version 1)" in line


@pytest.mark.parametrize(
    ("found", "targets", "words"),
    [
        (group(members=2), [SERVER, "i-0000000000000000b"], "1 servers were launched, 2 are deleted"),
        (group(born=""), [SERVER], "it has no release record"),
        (group(template={**TEMPLATE, "Version": "2"}), [SERVER], "made by another launch template (lt-1 version 2"),
        (group(**VERIFIED), [SERVER], "and cccccccccccc was verified"),
        (group(owner="somebody"), [SERVER], "tags that Phoenix did not write: owner"),
        (group(), [SERVER, "i-stranger"], "targets that its group did not register: i-stranger"),
        (group(), [], f"servers that are no targets any more: {SERVER}"),
    ],
)
def test_each_difference_is_told(found: Any, targets: list[str], words: str) -> None:
    [line] = drift_report.differences(found, targets)
    assert words in line


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World(boto3.Session("testing", "testing", region_name=REGION), 80)


class Ssm:
    """Systems Manager that reaches every server, and a command that ends with one status after another."""

    class exceptions:  # noqa: N801 - boto3's name
        class InvocationDoesNotExist(Exception):  # noqa: N818 - boto3's name
            pass

    def __init__(self, *statuses: str, output: str = "") -> None:
        self.statuses, self.output = list(statuses), output

    def describe_instance_information(self, **_: Any) -> Any:
        return {"InstanceInformationList": [{"PingStatus": "Online"}]}

    def send_command(self, **_: Any) -> Any:
        return {"Command": {"CommandId": "c"}}

    def get_command_invocation(self, **_: Any) -> Any:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == "unknown":
            raise self.exceptions.InvocationDoesNotExist
        return {"Status": status, "StandardOutputContent": self.output}


def dies(world: World, ssm: Any) -> tuple[str, Color]:
    """What is told when a blue group is retired."""
    world.aws.__dict__["best_effort_ssm"] = ssm
    blue = world.color("blue", BLUE, verified=BLUE)
    given = Options(
        stack=STACK,
        account=ACCOUNT,
        region=REGION,
        color="blue",
        group=blue.group,
        target_group=blue.target_group,
        listener=world.listener,
    )
    assert retire(given, world.context()) == {"retired": blue.group}
    return world.said(), blue


def test_changed_files_and_packages_of_a_server_are_told_and_long_lists_cut(world: World) -> None:
    output = "changed: ??5?????? c /etc/motd\n" + "package: upgrade libc6\n" * 20
    said, _ = dies(world, Ssm("unknown", "InProgress", "Success", output=output))
    assert "changed: ??5?????? c /etc/motd" in said
    assert "package: upgrade libc6" in said
    assert "and 6 more" in said


def test_a_server_that_does_not_answer_is_not_waited_for_long(world: World) -> None:
    said, _ = dies(world, Ssm("InProgress"))
    assert "did not answer within 60 s" in said
    assert world.clock.passed <= 70


class Denied(Ssm):
    def describe_instance_information(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeInstanceInformation")


class Broken(Ssm):
    def describe_instance_information(self, **_: Any) -> Any:
        raise RuntimeError("a fault of ours")


@pytest.mark.parametrize(
    ("ssm", "words"),
    [(Denied(""), "DescribeInstanceInformation: AccessDenied: no"), (Broken(""), "the group is deleted all the same")],
)
def test_without_systems_manager_and_with_a_fault_the_group_dies_all_the_same(
    world: World, ssm: Ssm, words: str
) -> None:
    assert words in dies(world, ssm)[0]


def test_a_group_that_is_gone_is_told(world: World) -> None:
    drift_report.report_drift(world.context(), group="gone", target_group="arn")
    assert "somebody has deleted it already" in world.said()


def test_an_interrupt_is_not_swallowed(world: World) -> None:
    class Stopped(Ssm):
        def describe_instance_information(self, **_: Any) -> Any:
            raise Interrupted("PHX-009", "SIGTERM")

    with pytest.raises(Interrupted):
        dies(world, Stopped(""))
