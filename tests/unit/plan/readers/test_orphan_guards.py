"""Parts of AWS's guard that no state knows are found, whatever group stands, unless they watch, and can be deleted."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudwatch.models import cloudwatch_backends

from core.aws import Aws
from core.guard import Guard
from core.session import connect
from plan.readers import orphan_guards, orphans
from plan.readers.live_state import LiveState
from plan.readers.reads import Reads
from steps.cleanup import sweep
from tests.support.account import moto_only
from tests.support.factories import NOW, group, live

STACK, REGION = "phoenix/dev", "eu-west-1"
PREFIX = "phoenix-dev-green-guard"
NAME = f"{PREFIX}-0a1b2c3"  # as Pulumi makes it up
TAGS = {"phoenix:stack": STACK, "phoenix:color": "green", "phoenix:generation": "g", "phoenix:birth": "1"}
LISTED: Any = [{"Key": key, "Value": value} for key, value in TAGS.items()]
STANDS = live(group("green", generation="g", attempt_id="1"))
ARMED = replace(STANDS, guard=Guard(generation="g", until=NOW + timedelta(hours=1), rule=NAME, schedules=("a", "b")))


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto_only(monkeypatch)
    with mock_aws():
        yield


def client(service: Any) -> Any:
    return boto3.client(service, REGION)


def role(name: str = f"{PREFIX}-end-1") -> str:
    iam = client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=LISTED)["Role"]["Arn"]
    said = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "events:DisableRule", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(said))
    return arn


def schedule(name: str = f"{PREFIX}-end") -> str:
    arn: str = client("scheduler").create_schedule(
        Name=name,
        Description=orphan_guards.describe(TAGS),
        State="DISABLED",
        ScheduleExpression="at(2099-12-31T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:eventbridge:disableRule",
            "RoleArn": "arn:aws:iam::123456789012:role/r",
        },
    )["ScheduleArn"]
    return arn


def rule(name: str = NAME) -> str:
    events = client("events")
    arn: str = events.put_rule(Name=name, EventPattern="{}", State="DISABLED", Tags=LISTED)["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "way-back", "Arn": "arn:aws:ssm:eu-west-1:123456789012:document/x"}])
    return arn


def document(name: str = f"{PREFIX}-3c2b1a0") -> str:
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": []})
    client("ssm").create_document(
        Name=name, Content=content, DocumentType="Automation", DocumentFormat="JSON", Tags=LISTED
    )
    return f"document/{name}"


def alarm(name: str = f"{PREFIX}-g-1") -> str:
    """One of alarms: moto has no operation of that name, and keeps such a one when it is given its rule."""
    backend = cloudwatch_backends["123456789012"][REGION]
    empty: Any = dict.fromkeys(inspect.signature(backend.put_metric_alarm).parameters)
    made = backend.put_metric_alarm(**{**empty, "name": name, "rule": "TRUE", "tags": LISTED, "dimensions": []})
    return str(made.alarm_arn)


MADE: list[Callable[[], str]] = [schedule, rule, document, role, alarm]


def lost(standing: LiveState = STANDS, known: frozenset[str] = frozenset(), *, guards: bool = True) -> tuple[str, ...]:
    return orphans.find_orphans(Reads(connect(region=REGION)), standing, stack=STACK, known=known, guards=guards).things


@pytest.mark.parametrize("make", MADE)
def test_each_part_of_a_guard_that_was_made_when_its_update_died_is_found_and_deleted(make: Callable[[], str]) -> None:
    """Its group stands by then, and may serve: nothing but its state arms it."""
    made = make()
    assert lost() == (made,)
    delete = sweep.deleter_for(Aws(boto3.Session(region_name=REGION)), made)
    assert delete is not None
    delete()
    assert lost() == ()


def test_they_go_in_an_order_that_aws_allows_and_what_says_that_there_are_any_goes_last() -> None:
    made = [make() for make in MADE]
    assert list(lost()) == made
    assert list(lost(guards=False)) == made, "the role shows that there are others"


@pytest.mark.parametrize(
    ("make", "ident"),
    [
        (schedule, f"default/{PREFIX}-end"),
        (rule, NAME),
        (document, f"{PREFIX}-3c2b1a0"),
        (role, f"{PREFIX}-end-1"),
        (alarm, f"{PREFIX}-g-1"),
    ],
)
def test_what_the_state_holds_is_the_engines(make: Callable[[], str], ident: str) -> None:
    make()
    assert lost(known=frozenset({ident})) == ()


def test_a_guard_that_watches_and_that_this_state_does_not_hold_is_left_alone() -> None:
    made = {make() for make in MADE}
    assert lost(ARMED) == ()
    assert set(lost(ARMED, frozenset({NAME}))) == made - {f"arn:aws:events:{REGION}:123456789012:rule/{NAME}"}


def test_what_has_another_stacks_tags_or_such_a_name_alone_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule("phoenix-dev-nightly")
    document("phoenix-dev-eu-blue-guard")
    monkeypatch.setitem(TAGS, "phoenix:stack", "phoenix-dev/blue")
    schedule("phoenix-dev-blue-guard-end")
    assert lost() == ()


def test_a_stack_without_guards_needs_no_right_to_look_for_any(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("asked")

    schedule()
    monkeypatch.setattr(orphan_guards, "find_parts", refuse)
    assert lost(guards=False) == ()
