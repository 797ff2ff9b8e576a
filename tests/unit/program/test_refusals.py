"""What stops an update before anything is declared, and where its plan is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest

from core import session
from tests.support.main_program import program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import network


def test_a_bad_configuration_declares_nothing_and_says_everything() -> None:
    with pytest.raises(pulumi.RunError) as error:
        program(minSzie="3", traffic=101)
    assert "the nearest is minSize" in str(error.value)
    assert "from 0 to 100 percent" in str(error.value)


def test_a_bad_key_is_told_before_aws_is_asked_anything_and_before_its_provider_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    monkeypatch.setattr(session, "connect", lambda **_: made.append("a session"))
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: made.append("a client"))
    monkeypatch.delitem(sys.modules, "components.service", raising=False)
    with pytest.raises(pulumi.RunError, match="the nearest is minSize"):
        program(minSzie="3")
    assert made == []
    assert "components.service" not in sys.modules


def test_all_that_is_known_to_fail_comes_at_once_before_anything_is_declared() -> None:
    vpc, (front, _, back) = network("aab")
    with pytest.raises(pulumi.RunError) as error:
        program(vpcId=vpc, albSubnetIds=[front, "subnet-0b0b0b0b"], serverSubnetIds=[back], instanceType="t3.tiny")
    lines = str(error.value).splitlines()
    assert lines[0] == "4 things are known to fail; nothing was changed:"
    assert [line.split(" = ")[0].partition(": ")[2] for line in lines[1::2]] == [
        "albSubnetIds",
        "albSubnetIds",
        "serverSubnetIds",
        "instanceType",
    ]
    assert all(line.startswith("      type: ") for line in lines[2::2])


def test_an_image_and_a_listener_that_are_not_there_are_told_at_once() -> None:
    vpc, (front, other) = network("ab")
    gone = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shared/0123456789abcdef/0123456789abcdef"
    said: dict[str, Any] = {
        "vpcId": vpc,
        "albSubnetIds": [front, other],
        "serverSubnetIds": [front, other],
        "rulePriority": 30,
    }
    with pytest.raises(pulumi.RunError) as error:
        program(image="0123456789ab", listenerArn=gone, hostname="shop.example.com", **said)
    lines = [line for line in str(error.value).splitlines() if line.startswith("PHX-")]
    assert [line.partition(" = ")[0] for line in lines] == ["PHX-158: image", "PHX-331: listenerArn"]


def test_the_plan_is_written_as_markdown_to_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plan.md"
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(file))
    program()
    said = file.read_text()
    assert said.startswith("<!-- phoenix rollout plan of dev -->\n### Rollout plan of phoenix/dev\n")
    assert "**blue is launched, production begins**" in said
    with pytest.raises(pulumi.RunError):
        program(traffic=101, previewToken="short")
    refused = file.read_text()
    assert refused.startswith("<!-- phoenix rollout plan of dev -->\n")
    assert "from 0 to 100 percent" in refused
    assert "short" not in refused


def test_a_plan_that_can_not_be_written_stops_nothing_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "nowhere" / "plan.md"))
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    assert program().one("aws:autoscaling/group:Group")
    with pytest.raises(pulumi.RunError, match="from 0 to 100 percent"):
        program(traffic=101)
    assert len(warned) == 2
    assert all("the plan could not be written there (No such file or directory)" in line for line in warned)


def test_an_image_that_does_not_exist_is_refused_before_anything_is_declared() -> None:
    with pytest.raises(pulumi.RunError, match=r"image = '0123456789ab': must be an image of the service 'phoenix'"):
        program(image="0123456789ab")


def test_a_stack_that_lives_elsewhere_is_refused_before_anything_is_declared(existing: Existing) -> None:
    arn = "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-0a0a0a0a"
    existing.state["urn:pulumi:dev::phoenix::aws:ec2/vpc:Vpc::net"] = {
        "type": "aws:ec2/vpc:Vpc",
        "outputs": {"arn": arn},
    }
    with pytest.raises(pulumi.RunError, match="but stack dev lives in account 210987654321; nothing was changed"):
        program(existing=existing)
