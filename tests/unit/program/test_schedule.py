"""Scheduled sizes are those of the group that serves."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from plan.config.parsing import SettingsError
from tests.support.main_program import program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import live_group

SCHEDULE = {
    "morning": {"cron": "0 7 * * mon-fri", "timeZone": "Europe/Berlin", "minSize": 4, "maxSize": 10, "desired": 6},
    "night": {"cron": "0 20 * * *", "minSize": 1, "maxSize": 4},
}
ACTION, GROUP = "aws:autoscaling/schedule:Schedule", "aws:autoscaling/group:Group"


def test_without_a_schedule_there_is_none_and_sizes_are_the_settings() -> None:
    done = program()
    assert done.all(ACTION) == []
    group = done.one(GROUP)
    assert (group.inputs["minSize"], group.inputs["maxSize"], group.ignore) == (2, 4, ("tags",))
    assert "PHOENIX_SCHEDULED" not in done.one("command:local:Command", "promote").inputs["environment"]


def test_a_group_gets_its_sizes_at_set_times_once_it_serves() -> None:
    done = program(schedule=SCHEDULE)
    morning, night = (done.one(ACTION, name) for name in ("morning", "night"))
    group = done.one(GROUP)
    assert morning.inputs == {
        "scheduledActionName": "phoenix-size-morning",
        "autoscalingGroupName": group.name,
        "recurrence": "0 7 * * mon-fri",
        "timeZone": "Europe/Berlin",
        "minSize": 4,
        "maxSize": 10,
        "desiredCapacity": 6,
    }
    assert night.inputs["desiredCapacity"] == -1, "the provider takes none for 0 servers"
    assert "phoenix-dev-production" in morning.depends_on
    # What takes over may be as large as the one before it, whatever the time.
    assert (group.inputs["minSize"], group.inputs["maxSize"]) == (2, 10)
    assert group.ignore == ("tags", "minSize", "maxSize"), "no refresh makes an update take a time's sizes away"
    assert done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_SCHEDULED"] == "true"
    few = done.one("aws:cloudwatch/metricAlarm:MetricAlarm", "few-healthy").inputs
    assert "Fewer than 1 servers" in few["alarmDescription"], "an alarm does not ring each night"


@pytest.mark.parametrize(("traffic", "serves"), [(10, "blue"), (100, "green")])
def test_the_one_that_has_most_of_production_has_the_schedule(existing: Existing, traffic: int, serves: str) -> None:
    live_group(existing, "blue", "0123456789ab")
    done = program(existing=existing, active="green", traffic=traffic, schedule=SCHEDULE)
    assert {one.name for one in done.all(ACTION)} == {
        f"phoenix-dev-{serves}-sizes-morning",
        f"phoenix-dev-{serves}-sizes-night",
    }


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ({**SCHEDULE, "evening": {"cron": "0 20 * * fri", "minSize": 1, "maxSize": 1}}, "PHX-186: schedule.evening"),
        ({"m": {"cron": "0 7 * *"}}, "schedule"),
    ],
)
def test_what_aws_would_refuse_is_refused(schedule: dict[str, Any], told: str) -> None:
    with pytest.raises((pulumi.RunError, SettingsError), match=told):
        program(schedule=schedule)
