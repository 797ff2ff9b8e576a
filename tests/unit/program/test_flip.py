"""Two groups: which of them production goes to, what stays of the other, and what is live."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from core import engine_call, listener_rules
from core.engine_call import Call
from tests.support.main_program import first_update, program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import LIVE_IMAGE, live_group


def test_production_goes_to_the_active_color_without_stickiness() -> None:
    rule = first_update().one("aws:lb/listenerRule:ListenerRule", "production").inputs
    assert rule["conditions"] == [{"pathPattern": {"values": ["/*"]}}]
    assert rule["actions"] == [
        {
            "type": "forward",
            "forward": {
                "targetGroups": [
                    {"arn": "arn:aws:lb/targetGroup:eu-west-1:123456789012:phoenix-dev-blue", "weight": 100}
                ],
                "stickiness": {"enabled": False, "duration": 604800},
            },
        }
    ]
    assert rule["tags"]["phoenix:rule"] == "production"


@pytest.mark.parametrize(("traffic", "sticks"), [(10, True), (0, False), (100, False)])
def test_production_is_sticky_only_while_two_groups_share_it(existing: Existing, traffic: int, sticks: bool) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    for wanted in (True, False):
        done = program(existing=existing, active="green", traffic=traffic, stickyCanary=wanted)
        [declared] = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"]
        assert declared["forward"]["stickiness"]["enabled"] == (wanted and sticks)
        asked = done.one("command:local:Command", "promote").inputs["environment"]
        assert ("PHOENIX_STICKY" in asked) == wanted


@pytest.mark.parametrize("wanted", ["full", "proportional"])
def test_a_group_gets_its_servers_with_its_traffic_only_where_that_is_asked_for(
    existing: Existing, wanted: str
) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green", canarySteps=[5, 50], canaryCapacity=wanted)
    asked = {step: done.one("command:local:Command", step).inputs["environment"] for step in ("verify", "promote")}
    slowly = wanted == "proportional"
    assert asked["verify"].get("PHOENIX_FIRST_SHARE") == ("5" if slowly else None)
    assert asked["promote"].get("PHOENIX_PROPORTIONAL") == ("true" if slowly else None)
    assert asked["promote"]["PHOENIX_SLOW_MILLISECONDS"] == "5000"


def test_each_gate_is_given_its_hooks_and_without_any_there_is_no_word_of_them(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    hooks = {"afterVerify": "make check", "atShare10": {"command": "sh ask.sh", "timeoutSeconds": 60}}
    for given in (hooks, {}):
        done = program(existing=existing, active="green", hooks=given, smokeEnvironment=["TEST_USER"])
        asked = {step: done.one("command:local:Command", step).inputs["environment"] for step in ("verify", "promote")}
        found = {step: json.loads(said.get("PHOENIX_HOOKS", "{}")) for step, said in asked.items()}
        assert found["verify"] == ({"afterVerify": {"command": "make check", "timeoutSeconds": 300}} if given else {})
        assert found["promote"] == ({"atShare10": hooks["atShare10"]} if given else {})
        assert asked["promote"].get("PHOENIX_SMOKE_ENVIRONMENT") == ('["TEST_USER"]' if given else None)


def test_a_step_sets_a_rules_weights_with_every_field_as_the_provider_does() -> None:
    """What it left out would read differently later, and an update without a change would have one."""
    [declared] = first_update().one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"]
    [group] = declared["forward"]["targetGroups"]
    [set_by_step] = listener_rules.forward_action({group["arn"]: group["weight"]})
    assert set_by_step == {
        "Type": declared["type"],
        "Order": 1,  # the provider numbers actions by their place
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": group["arn"], "Weight": group["weight"]}],
            "TargetGroupStickinessConfig": {
                "Enabled": declared["forward"]["stickiness"]["enabled"],
                "DurationSeconds": declared["forward"]["stickiness"]["duration"],
            },
        },
    }


def test_below_100_percent_the_other_color_is_declared_as_it_is(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green", traffic=10)
    blue = [
        resource
        for resource in done.resources
        if resource.name.startswith("phoenix-dev-blue") and ":index:" not in resource.type
    ]
    assert len(blue) >= 12
    for resource in blue:
        # By name: after "*" the physical names would count as ours, and the next update would replace everything.
        assert set(resource.ignore) >= (set(resource.inputs) if not resource.name.endswith("bake") else {"*"})
        assert not {"name", "namePrefix"} & set(resource.ignore)
    assert {resource.trigger for resource in blue if not resource.name.endswith("bake")} == {"abcdefabcdef"}
    green = done.one("aws:autoscaling/group:Group", "green")
    assert green.ignore == ("tags",)
    weights = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"][0]["forward"]["targetGroups"]
    assert [target["weight"] for target in weights] == [10, 90]
    assert [target["arn"] for target in weights][1] == existing.target_groups["phoenix-dev-blue"]
    preview = done.one("aws:lb/listenerRule:ListenerRule", "preview").inputs["actions"][0]["forward"]["targetGroups"]
    assert [target["arn"].split("-")[-1] for target in preview] == ["green"]


def test_production_does_not_follow_a_kept_target_group_that_was_replaced(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    existing.target_groups["phoenix-dev-blue"] += "-replaced"
    with pytest.raises(pulumi.RunError, match="Production stays on"):
        program(existing=existing, active="green", traffic=10)


def test_a_second_look_declares_the_same_so_a_plan_that_was_saved_can_be_applied(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    looks = [program(existing=existing, active="green", traffic=10).resources for _ in range(2)]
    # A name may be of two types, and which of them comes first is of no meaning.
    first, second = (sorted(look, key=lambda one: (one.type, one.name)) for look in looks)
    assert first == second


def test_at_100_percent_the_other_color_leaves_the_program(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    assert [group.name for group in program(existing=existing, active="green").all("aws:autoscaling/group:Group")] == [
        "phoenix-dev-green-group"
    ]


def test_a_group_that_leaves_is_remembered_on_the_production_rule_and_in_the_outputs(existing: Existing) -> None:
    idle = program(existing=existing).outputs
    assert idle["history"] == []
    assert idle["summary"].startswith(f"{idle['live']['color']} {idle['live']['generation']}: ")
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green")
    said = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["tags"]["phoenix:past-1"]
    assert said.startswith("color=blue generation=abcdefabcdef ")
    assert [one["generation"] for one in done.outputs["history"]] == ["abcdefabcdef"]
    held = program(existing=existing, active="green", traffic=10)
    rule = held.one("aws:lb/listenerRule:ListenerRule", "production").inputs
    assert not [key for key in rule["tags"] if "past" in key]


def test_a_bake_is_told_which_image_is_live_to_compare_packages_with(existing: Existing) -> None:
    bake = program(existing=existing).one("command:local:Command", "bake").inputs["environment"]
    assert bake["PHOENIX_LIVE_IMAGE"] == ""
    live_group(existing, "blue", "abcdefabcdef")
    bake = program(existing=existing, active="green").one("command:local:Command", "green-image").inputs["environment"]
    assert bake["PHOENIX_LIVE_IMAGE"] == LIVE_IMAGE


def test_outputs_say_what_is_live_and_hang_on_the_production_rule() -> None:
    outputs = first_update().outputs
    assert outputs["url"] == "http://phoenix-dev.elb.amazonaws.com"
    said = outputs["live"]
    assert (said["color"], said["image"], said["commit"], said["weights"]) == (
        "blue",
        "ami-0123456789abcdef0",
        "c0ffee",
        {"blue": 100},
    )
    certificate = outputs["releases"]["blue"]
    assert certificate["base"] == {"image": "ami-0a", "name": "debian-12 -x86-", "date": "2026-11-20T00:00:00Z"}
    assert certificate["git"] == {"commit": "c0ffee", "tree": "clean"}


@pytest.mark.parametrize(("traffic", "serving"), [(0, "blue"), (49, "blue"), (50, "green")])
def test_what_is_live_is_the_group_with_most_of_production(existing: Existing, traffic: int, serving: str) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    said = program(existing=existing, active="green", traffic=traffic).outputs["live"]
    assert said["color"] == serving
    assert (said["generation"] == "abcdefabcdef") == (serving == "blue")
    assert (said["image"] == LIVE_IMAGE) == (serving == "blue")


def test_nothing_new_gets_production_in_a_freeze_but_with_a_reason_that_is_recorded(
    existing: Existing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    always: dict[str, Any] = {"freeze": ["2000-01-01/2999-12-31"]}
    live_group(existing, "blue", "abcdefabcdef")
    with pytest.raises(pulumi.RunError, match=r"PHX-226: freeze = '2000-01-01/2999-12-31': must be over"):
        program(existing=existing, active="green", **always)
    said = program(existing=existing, active="green", override="a leak: closed today", **always)
    group = said.one("aws:lb/targetGroup:TargetGroup", "green")
    assert group.inputs["tags"]["phoenix:override"] == "a leak: closed today"
    assert said.outputs["releases"]["green"]["override"] == "a leak: closed today"
    monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation="preview"))
    assert program(existing=existing, active="green", **always).all("aws:lb/targetGroup:TargetGroup")
