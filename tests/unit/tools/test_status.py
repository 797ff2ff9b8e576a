"""`make status`: what is live at this moment, as AWS has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core.guard import Guard, WayBack
from core.obstacles import Obstacle
from core.times import iso
from plan.readers.live_state import LiveState
from tests.support.account import moto_only
from tests.support.factories import NOW, group, live
from tests.unit.plan.test_rule_fates import taken_over
from tests.unit.steps.cloud import BLUE, GREEN, World
from tools import stack_identity, status

TAGS = {
    "baked-at": iso(NOW - timedelta(days=20)),
    "born": f"at={iso(NOW - timedelta(days=9))} servers=2",
    "weights": "20261125T110000Z=10 20261126T110000Z=90",
}


def told(state: LiveState) -> str:
    return "\n".join(status.notes(state))


def test_a_row_says_since_when_and_how_old() -> None:
    blue = group("blue", "111111111111", 10, in_service=1, commit="c0ffee1234", tree="dirty")
    green = group("green", "222222222222", 90, in_service=2, tags=TAGS)
    first, second = status.rows(live(blue, green), NOW)
    assert first["color"] == "green", "the one with most of production"
    assert (first["production"], first["servers in service"]) == ("90 %", "2/2")
    assert (first["launched"], first["baked"], first["image"]) == ("9 days ago", "20 days ago", "222222222222")
    assert first["since"].endswith(" ago")
    assert (second["production"], second["since"], second["commit"]) == ("10 %", "not known", "c0ffee1+")


def test_servers_that_production_is_taken_over_from_are_somebody_elses() -> None:
    held = live(taken_over(90), group("blue", BLUE, 10))
    first, second = status.rows(held, NOW)
    assert (first["color"], first["production"], first["servers in service"]) == (
        "legacy/01",
        "90 %",
        "somebody else's",
    )
    assert second["production"] == "10 %"
    assert told(live(taken_over())) == ""


def test_a_guard_says_until_when_and_what_it_still_costs() -> None:
    guard = Guard(generation=GREEN, until=NOW + timedelta(hours=5), rule="rule", schedules=("end", "servers"))
    state = replace(live(group("blue", BLUE, 0), group("green", GREEN)), guard=guard)
    assert list(status.guard_notes(state, NOW)) == [
        f"AWS watches {GREEN} until 2026-11-24T17:00:00Z, and goes back when an alarm rings: 2 kept servers,"
        " 10 server-hours from now"
    ]
    assert list(status.guard_notes(state, NOW + timedelta(hours=6))) == []
    back = replace(state, way_back=WayBack(generation=GREEN, at=NOW, alarm="alarm"))
    assert list(status.guard_notes(back, NOW)) == [
        f"AWS took production from generation {GREEN} at 2026-11-24T12:00:00Z, when alarm rang"
    ]


def test_what_is_wrong_is_told_beside_the_table() -> None:
    held = Obstacle(what="Launch is suspended", do="resume it")
    state = replace(
        live(group("blue", weight=0, obstacles=(held,))),
        promotion_interrupted=True,
        unused_groups=("phoenix-dev-green-9",),
    )
    for text in (
        "nobody has production",
        "a promotion runs now, or was killed",
        "the preview rule is gone",
        "blue: Launch is suspended; resume it",
        "production does not know phoenix-dev-green-9",
    ):
        assert text in told(state)
    assert told(replace(live(group("blue")), has_preview_rule=True)) == ""
    gone = status.rows(live(group("blue", name="")), NOW)[0]
    assert gone["servers in service"] == "no servers: its auto-scaling group is gone"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    config: Any = {"phoenix:service": {"value": "phoenix"}, "aws:region": {"value": "eu-west-1"}}
    monkeypatch.setattr(stack_identity, "pulumi", lambda *_: config)
    moto_only(monkeypatch)


@pytest.mark.usefixtures("stack")
def test_it_is_read_from_aws(capsys: pytest.CaptureFixture[str]) -> None:
    with mock_aws():
        world = World(boto3.Session("testing", "testing", region_name="eu-west-1"), 80)
        blue, green = world.color("blue", BLUE), world.color("green", GREEN)
        world.production({blue.target_group: 25, green.target_group: 75})
        balancer = world.aws.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        world.aws.elbv2.add_tags(ResourceArns=[balancer], Tags=[{"Key": "phoenix:stack", "Value": "phoenix/test"}])
        for color, one in (("blue", blue), ("green", green)):
            world.aws.elbv2.add_tags(ResourceArns=[one.target_group], Tags=[{"Key": "phoenix:color", "Value": color}])
        assert status.main("test") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "live of phoenix/test in account 123456789012, eu-west-1"
    assert lines[2].split()[:1] == ["green"] and "75 %" in lines[2]
    assert lines[3].split()[:1] == ["blue"] and "25 %" in lines[3]


@pytest.mark.usefixtures("stack")
def test_a_stack_without_anything_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    with mock_aws():
        assert status.main("test") == 1
    assert capsys.readouterr().err == (
        "nothing is live of phoenix/test in account 123456789012, eu-west-1.\nDo: make up STACK=test\n"
    )
