"""AWS's guard in the whole program: it is there before production moves, and goes with the settings."""

from __future__ import annotations

import json

from tests.support.main_program import program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import live_group

GUARDS = (
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    "aws:ssm/document:Document",
    "aws:scheduler/schedule:Schedule",
)
COMMAND, RULE = "command:local:Command", "aws:lb/listenerRule:ListenerRule"


def test_a_flip_declares_the_guard_before_promote_which_arms_it(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green", guardHours=24, alarms=["orders"])
    alarm, document = done.one(GUARDS[0]), done.one(GUARDS[1], "-back")
    assert alarm.inputs["alarmRule"].endswith('OR ALARM("orders")')
    move = json.loads(document.inputs["content"])["mainSteps"][0]["inputs"]
    groups = {one["TargetGroupArn"]: one["Weight"] for one in move["Actions"][0]["ForwardConfig"]["TargetGroups"]}
    assert groups[existing.target_groups["phoenix-dev-blue"]] == 100
    assert ":listener-rule/app/lb/" in move["RuleArn"], "the rule that is there"
    promote = done.one(COMMAND, "-promote")
    assert promote.inputs["environment"]["PHOENIX_GUARD_HOURS"] == "24"
    assert len(json.loads(promote.inputs["environment"]["PHOENIX_GUARD_SCHEDULES"])) == 2
    guard = {one.name for one in done.resources if one.type in GUARDS or "eventTarget" in one.type}
    assert guard <= promote.depends_on
    assert "phoenix:guard" in done.one(RULE, "production").inputs["tags"], "what promote writes is not taken away"
    assert {one.name for one in done.all("aws:autoscaling/group:Group")} == {
        "phoenix-dev-green-group",
        "phoenix-dev-blue-group",
    }, "the previous group stays"


def test_without_the_key_there_is_no_guard(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green")
    assert [one for one in done.resources if one.type in GUARDS] == []
    assert "PHOENIX_GUARD_HOURS" not in done.one(COMMAND, "-promote").inputs["environment"]
    assert "phoenix:guard" not in done.one(RULE, "production").inputs["tags"]


def test_a_first_launch_has_nothing_to_go_back_to() -> None:
    done = program(guardHours=24)
    assert [one for one in done.resources if one.type in GUARDS] == []
