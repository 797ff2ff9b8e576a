"""The guard's last document, run: the kept servers go only when the rule says that users reach none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from components.guard_documents import Watched, leaving
from core.release_events import Release
from rehearsal.cloud.events import automation
from rehearsal.cloud.events.automation import AutomationFailedError

OURS, PREVIOUS, OTHER = (f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{n}/1" for n in "abc")
WATCHED = Watched(
    rule="arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/a/1/2/3",
    ours=OURS,
    previous=PREVIOUS,
    previous_group="blue",
    previous_color="blue",
    release=Release(stack="phoenix/dev", color="green", generation="0" * 12),
)
Groups = list[tuple[str, int]]


def run(monkeypatch: pytest.MonkeyPatch, groups: Groups) -> list[tuple[str, Mapping[str, Any]]]:
    """What was called, when the rule has these target groups with these weights."""
    made: list[tuple[str, Mapping[str, Any]]] = []

    def call_api(*_: Any, api: str, inputs: Mapping[str, Any], **__: Any) -> Any:
        made.append((api, inputs))
        listed = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
        return {"Rules": [{"Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": listed}}]}]}

    monkeypatch.setattr(automation, "check_trust", lambda *_: None)
    monkeypatch.setattr(automation, "call_api", call_api)
    automation.run_document(leaving(WATCHED, role="role", kept_minimum=None), {}, lambda _: None, "eu-west-1")
    return made


@pytest.mark.parametrize("groups", [[(OURS, 100), (PREVIOUS, 0)], [(PREVIOUS, 0), (OURS, 100)]])
def test_kept_servers_without_production_go(monkeypatch: pytest.MonkeyPatch, groups: Groups) -> None:
    (_, asked), (api, given) = run(monkeypatch, groups)
    assert asked == {"RuleArns": [WATCHED.rule]}
    assert (api, given) == (
        "UpdateAutoScalingGroup",
        {"AutoScalingGroupName": "blue", "MinSize": 0, "DesiredCapacity": 0},
    )


@pytest.mark.parametrize(
    "groups",
    [
        [(PREVIOUS, 100), (OURS, 0)],
        [(OURS, 0), (PREVIOUS, 100)],
        [(OURS, 90), (PREVIOUS, 10)],
        [(PREVIOUS, 100)],
        [(OURS, 100)],
        [(OURS, 100), (OTHER, 0)],
        [(OTHER, 0), (OURS, 0), (PREVIOUS, 100)],
    ],
)
def test_servers_that_may_have_production_stay(monkeypatch: pytest.MonkeyPatch, groups: Groups) -> None:
    assert [api for api, _ in run(monkeypatch, groups)] == ["DescribeRules"]


def test_what_the_local_cloud_does_not_know_of_documents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automation, "check_trust", lambda *_: None)
    steps = [
        {"name": "run", "action": "aws:runCommand", "inputs": {}},
        {"name": "ask", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "x", "Variable": "1", "Like": 1}]}},
    ]
    for step in steps:
        document = {"assumeRole": "role", "mainSteps": [step]}
        with pytest.raises(AutomationFailedError, match="the local cloud does not"):
            automation.run_document(document, {}, lambda _: None, "eu-west-1")
