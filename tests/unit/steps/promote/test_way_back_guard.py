"""The guard of a promotion: armed when it is over, ended before traffic moves again, and after a way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core.guard import GUARD, WAY_BACK, Guard, WayBack, parse_guard
from steps.promote.way_back_guard import GuardOrder, Guards

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
RULE, GREEN, BLUE = "arn:rule", "2" * 12, "1" * 12
ORDER = GuardOrder(hours=24, rule="green-guard", schedules=("green-end", "green-servers"))
EARLIER = Guard(generation=BLUE, until=NOW, rule="blue-guard", schedules=("blue-end", "blue-servers"))
TARGET = {"Arn": "arn:aws:scheduler:::aws-sdk:eventbridge:disableRule", "RoleArn": "arn:role", "Input": "{}"}


class Cloud:
    """Records calls; knows schedules as AWS gives them, but for those that are `gone`."""

    def __init__(self, *, gone: bool = False, refuses: str = "") -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[str] = []
        self.gone, self.refuses = gone, refuses
        services = {name: SimpleNamespace() for name in ("elbv2", "events", "scheduler")}
        for service, call in (
            ("elbv2", "add_tags"),
            ("elbv2", "remove_tags"),
            ("events", "enable_rule"),
            ("events", "disable_rule"),
            ("scheduler", "update_schedule"),
        ):
            setattr(services[service], call, self._recorder(call))
        services["scheduler"].get_schedule = self._schedule
        self.aws = SimpleNamespace(**services)
        self.clock = SimpleNamespace(utc=lambda: NOW)
        self.progress = SimpleNamespace(line=self.lines.append)

    def _recorder(self, call: str) -> Any:
        def record(**given: Any) -> None:
            if call == self.refuses:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, call)
            self.calls.append((call, given))

        return record

    def _schedule(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        if self.gone:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "GetSchedule")
        return {
            "Name": Name,
            "Arn": "arn:schedule",
            "GroupName": "default",
            "State": "DISABLED",
            "ScheduleExpression": "at(2099-12-31T00:00:00)",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": TARGET,
            "ActionAfterCompletion": "NONE",
        }

    def of(self, call: str) -> list[dict[str, Any]]:
        return [given for name, given in self.calls if name == call]


def test_it_is_armed_with_its_ends_noted_and_set_before_the_rule_is_enabled() -> None:
    """Killed on the way, no schedule is on that no note tells of: the next update would leave it on."""
    cloud, guards = Cloud(), Guards(ORDER)
    guards.arm(cloud, RULE, GREEN, ())  # type: ignore[arg-type]
    assert [call for call, _ in cloud.calls] == ["add_tags", "update_schedule", "update_schedule", "enable_rule"]
    end, servers = cloud.of("update_schedule")
    assert (end["Name"], end["ScheduleExpression"]) == ("green-end", "at(2026-11-29T12:00:00)")
    assert (servers["Name"], servers["ScheduleExpression"]) == ("green-servers", "at(2026-11-29T12:10:00)")
    assert {one["State"] for one in (end, servers)} == {"ENABLED"}
    assert {str(one["Target"]) for one in (end, servers)} == {str(TARGET)}, "what a schedule calls stays"
    [tag] = cloud.of("add_tags")[0]["Tags"]
    noted = parse_guard(tag["Value"])
    assert tag["Key"] == GUARD
    assert noted
    assert (noted.generation, noted.until) == (GREEN, NOW + timedelta(hours=24))
    assert guards.text(GREEN) == tag["Value"]


def test_an_alarm_that_rings_already_is_told() -> None:
    cloud = Cloud()
    told = [{"AlarmName": "mine", "StateValue": "ALARM"}, {"AlarmName": "green-5xx", "StateValue": "OK"}]
    cloud.aws.cloudwatch = SimpleNamespace(describe_alarms=lambda **_: {"MetricAlarms": told})
    Guards(ORDER).arm(cloud, RULE, GREEN, ("mine", "green-5xx"))  # type: ignore[arg-type]
    assert cloud.lines[-1] == "in ALARM already: mine. AWS hears of no other alarm until all are OK once"


def test_without_hours_nothing_is_armed() -> None:
    cloud, guards = Cloud(), Guards()
    guards.arm(cloud, RULE, GREEN, ())  # type: ignore[arg-type]
    assert (cloud.calls, guards.text(GREEN)) == ([], "")


@pytest.mark.parametrize(
    ("generation", "moves", "ends"),
    [(GREEN, True, True), (GREEN, False, True), (BLUE, True, True), (BLUE, False, False)],
    ids=["a flip", "a way back that AWS made", "the same one again", "an update that was killed after it"],
)
def test_an_earlier_guard_ends_before_traffic_moves_on(generation: str, moves: bool, ends: bool) -> None:
    cloud, guards = Cloud(), Guards(ORDER, EARLIER)
    guards.begin(cloud, RULE, generation, moves=moves)  # type: ignore[arg-type]
    assert [one["Name"] for one in cloud.of("disable_rule")] == (["blue-guard"] if ends else [])
    assert [(one["Name"], one["State"]) for one in cloud.of("update_schedule")] == (
        [("blue-end", "DISABLED"), ("blue-servers", "DISABLED")] if ends else []
    )
    assert bool(guards.text(BLUE)) is not ends


def test_what_is_gone_of_an_earlier_guard_stops_nothing() -> None:
    cloud, guards = Cloud(gone=True), Guards(ORDER, EARLIER)
    guards.begin(cloud, RULE, GREEN, moves=True)  # type: ignore[arg-type]
    assert cloud.of("remove_tags") == [{"ResourceArns": [RULE], "TagKeys": [GUARD]}]


def test_the_note_of_a_way_back_goes_when_traffic_moves_on() -> None:
    back = WayBack(generation=GREEN, at=NOW, alarm="alarm")
    for moves in (True, False):
        cloud = Cloud()
        Guards(back=back).begin(cloud, RULE, BLUE, moves=moves)  # type: ignore[arg-type]
        assert bool(cloud.of("remove_tags")) is moves
        assert all(one["TagKeys"] == [WAY_BACK] for one in cloud.of("remove_tags"))


def test_what_could_not_be_armed_takes_no_servers_away() -> None:
    cloud, guards = Cloud(refuses="enable_rule"), Guards(ORDER)
    with pytest.raises(ClientError):
        guards.arm(cloud, RULE, GREEN, ())  # type: ignore[arg-type]
    guards.give_up(cloud, RULE)  # type: ignore[arg-type]
    assert [one["State"] for one in cloud.of("update_schedule")] == ["ENABLED", "ENABLED", "DISABLED", "DISABLED"]
    assert cloud.of("disable_rule") == [{"Name": "green-guard"}]


def test_a_guard_that_can_not_be_ended_after_a_failure_is_told() -> None:
    cloud, guards = Cloud(), Guards(ORDER)
    guards.arm(cloud, RULE, GREEN, ())  # type: ignore[arg-type]
    cloud.refuses = "disable_rule"
    guards.give_up(cloud, RULE)  # type: ignore[arg-type]
    assert "aws events disable-rule --name green-guard" in cloud.lines[-1]
