"""AWS's guard: what takes production back when no process of ours lives, and how it ends. One trial, one ending."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from core.guard import GUARD, WAY_BACK, parse_guard, parse_way_back
from core.tags import tags_to_dict
from rehearsal.scenario.load import Load
from tests.cycles.stack import until
from tests.faults import hands
from tests.faults.processes import kill_everything
from tests.faults.trial import Trial

# The group's own alarm looks at whole minutes; a minute of CloudWatch is six seconds here.
TWO_MINUTES = 12
back = pytest.mark.parametrize("trial", ["back"], indirect=True)


@pytest.mark.representative("forward")
def test_servers_fail_when_engine_and_machine_are_gone(trial: Trial, tmp_path: Path) -> None:
    """With more users each server answers errors; AWS goes back, and the same generation needs a word to come again."""
    stack, live, new = trial.stack, trial.live, trial.new
    trial.ill("errors-above=14", guardHours=1)
    trial.hurts(lambda request: request.color == new)
    running = trial.begin()
    until(lambda: is_armed(trial), what="the guard")
    kill_everything(running.pid)
    trial.wait(running)
    assert stack.weights() == {live.color: 0, new: 100}
    assert stack.groups()[live.color] == live, "it keeps its servers"
    trial.strike()
    with Load(url=f"http://127.0.0.1:{stack.port}/", rate=20, out=tmp_path / "more.jsonl"):
        until(lambda: stack.weights() == {live.color: 100, new: 0}, what="the weights of before")
        now = time.time()
        time.sleep(TWO_MINUTES / 2)
    trial.is_safe()
    assert now - rang(trial) < TWO_MINUTES
    assert not [request for request in stack.requests(now + 1) if request.failed]
    note = parse_way_back(tags(trial).get(WAY_BACK, ""))
    born = trial.born()
    assert note and born and note.generation == born.generation
    assert told(trial)[-1] == ("Guard Rolled Back", born.generation, {live.color: 100, new: 0})
    stack.move()
    trial.unlock()
    assert "AWS took production back from" in stack.refused()
    trial.ends()
    assert rules(trial) == []


@back
def test_the_same_generation_gets_production_again_when_somebody_says_so(trial: Trial) -> None:
    """And AWS watches it again."""
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(guardHours=1)
    trial.up()
    again(trial)
    assert "AWS took production back from" in stack.refused()
    stack.set(acknowledge=stack.groups()[new].generation)
    trial.up()
    assert stack.weights() == {live.color: 0, new: 100}
    assert WAY_BACK not in tags(trial)
    assert is_armed(trial)
    stack.idle()
    again(trial)
    stack.set(acknowledge="")
    trial.ends()


@back
def test_a_guard_that_ends_takes_the_kept_servers_and_nothing_else(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(guardHours=1)
    done = trial.up()
    assert "AWS watches" in done.text
    stack.idle()
    with stack.cloud.later(hours=1.1):
        until(lambda: rules(trial)[0]["State"] == "DISABLED", what="the rule disabled")
        assert stack.groups()[live.color].desired == live.desired
        ended: Any = ("Guard Ended", stack.groups()[new].generation, {})
        until(lambda: told(trial)[-1] == ended, what="the event of its end", but=lambda: told(trial)[-1])
    with stack.cloud.later(hours=2):
        until(lambda: stack.groups()[live.color].desired == 0, what="the kept servers gone")
    assert stack.weights() == {live.color: 0, new: 100}
    trial.up()
    assert list(stack.groups()) == [new]
    assert GUARD not in tags(trial)
    assert rules(trial) == []
    stack.idle()
    trial.ends()


@back
def test_the_next_update_in_the_middle_of_a_guard_ends_it_and_has_one_of_its_own(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(guardHours=1)
    trial.up()
    first = parse_guard(tags(trial)[GUARD])
    stack.change()
    stack.set(active=live.color)
    trial.up()
    second = parse_guard(tags(trial)[GUARD])
    assert first and second and second.generation != first.generation
    assert [rule["Name"] for rule in rules(trial)] == [second.rule]
    assert is_armed(trial)
    assert stack.weights() == {live.color: 100, new: 0}
    with stack.cloud.later(hours=0.9):
        time.sleep(2)
    assert stack.groups()[new].desired, "the first guard took them away"
    stack.idle()
    stack.set(guardHours=0)
    trial.up()
    assert list(stack.groups()) == [live.color]
    assert rules(trial) == []
    stack.idle()
    trial.ended = True


@back
def test_a_kept_group_stays_when_its_guard_ends(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(guardHours=1, keepPrevious=True)
    trial.up()
    assert stack.groups()[live.color].minimum == live.desired
    with stack.cloud.later(hours=2):
        until(lambda: rules(trial)[0]["State"] == "DISABLED", what="the rule disabled")
        time.sleep(1)
    assert stack.groups()[live.color].desired == live.desired
    stack.set(active=live.color)
    trial.up()
    assert stack.weights() == {live.color: 100, new: 0}
    assert rules(trial) == []
    trial.ends()


@back
def test_weights_that_somebody_moved_back_by_hand_keep_their_servers_at_the_guards_end(trial: Trial) -> None:
    stack, live, new = trial.stack, trial.live, trial.new
    trial.change(guardHours=1)
    trial.up()
    hands.set_weights(stack, {live.target_group: 100, stack.groups()[new].target_group: 0})
    with stack.cloud.later(hours=2):
        until(lambda: rules(trial)[0]["State"] == "DISABLED", what="the rule disabled")
        until(lambda: "guard-servers" in "".join(one.text for one in ran(trial)), what="the last schedule")
        time.sleep(1)
    assert stack.groups()[live.color].desired == live.desired
    trial.ends()
    assert rules(trial) == []


def again(trial: Trial) -> None:
    """AWS goes back: an alarm of the new group rings, though nothing is wrong."""
    born = trial.born()
    assert born
    watch = trial.stack.cloud.client("cloudwatch")
    [alarm] = [
        one["AlarmName"]
        for one in watch.describe_alarms(AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if "-5xx-" in one["AlarmName"] and born.color in one["AlarmName"]
    ]
    wanted = {trial.live.color: 100, trial.new: 0}

    def rings() -> bool:
        watch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
        return trial.stack.weights() == wanted

    until(rings, what="the weights of before")


def tags(trial: Trial) -> dict[str, str]:
    """Those of the production rule."""
    balancing = trial.stack.cloud.client("elbv2")
    arns = [
        rule["RuleArn"]
        for balancer in balancing.describe_load_balancers()["LoadBalancers"]
        for listener in balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        for rule in balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        if not rule["IsDefault"]
    ]
    said = [tags_to_dict(one["Tags"]) for one in balancing.describe_tags(ResourceArns=arns)["TagDescriptions"]]
    return next(one for one in said if one.get("phoenix:rule") == "production")


def told(trial: Trial) -> list[tuple[str, str, Any]]:
    """The events so far: what, of which generation, and what production has."""
    calls = [call for call in trial.stack.cloud.calls.seen if call.operation == "PutEvents"]
    entries = [entry for call in calls for entry in json.loads(call.body)["Entries"]]
    details = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in entries]
    return [(kind, said["generation"], said["production"]) for kind, said in details]


def ran(trial: Trial) -> list[Any]:
    """What schedules called."""
    return [event for event in trial.stack.cloud.events if event.kind == "schedule"]


def rules(trial: Trial) -> list[Any]:
    """EventBridge's, of this stack."""
    return list(trial.stack.cloud.client("events").list_rules(NamePrefix="phoenix-local-")["Rules"])


def is_armed(trial: Trial) -> bool:
    return any(rule["State"] == "ENABLED" for rule in rules(trial))


def rang(trial: Trial) -> float:
    """When the guard's alarm rang last."""
    found = [event for event in trial.stack.cloud.events if event.kind == "alarm"]
    return max(event.t for event in found if event.text.startswith("ALARM"))
