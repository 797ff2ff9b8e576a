"""What AWS runs for a guard: documents of Systems Manager Automation, made of nothing but calls of AWS's API. Pure.

A step that fails is tried again, and does not stop those after it, but where these must not run without it. Sources:
"Automation actions reference" and "Using conditional statements in runbooks" in the Systems Manager user guide. Texts
of a release record hold no braces (`core.release_record.taggable`), which would name a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.guard import WAY_BACK
from core.listener_rules import forward_action
from core.live_target import PRODUCTION
from core.release_events import GUARD_ENDED, GUARD_ROLLED_BACK, Release, ReleaseEvent

Document = dict[str, Any]
TARGET_GROUPS = "$.Rules[0].Actions[0].ForwardConfig.TargetGroups"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a guard is about, as AWS knows it.

    `rule` of production and its target groups, `ours` that is watched and the `previous` (ARNs); `previous_group`: the
    auto-scaling group of that; `release`: whom events are about; `previous_color`; `topic` that is told (ARN or
    empty). `live_table`: where servers read that the `previous_generation` has production again (name or empty).
    """

    rule: str
    ours: str
    previous: str
    previous_group: str
    previous_color: str
    release: Release
    topic: str = ""
    live_table: str = ""
    previous_generation: str = ""


def way_back(watched: Watched, *, role: str) -> Document:
    """Traffic moves first; the note on the rule says to whoever updates next what happened, and when."""
    release = watched.release
    event = release.event(
        GUARD_ROLLED_BACK,
        at=None,
        production={watched.previous_color: 100, release.color: 0},
        reason="AWS took production back: {{ Alarm }} rang at {{ At }}",
    )
    weights = {watched.previous: 100, watched.ours: 0}
    note = {"Key": WAY_BACK, "Value": f"{release.generation} {{{{ At }}}} {{{{ Alarm }}}}"}
    return {
        **_document(
            f"Production goes back from generation {release.generation} to the group before it",
            role,
            [
                _call("moveTraffic", "elbv2", "ModifyRule", RuleArn=watched.rule, Actions=forward_action(weights)),
                *_hand_over(watched),
                _call("writeNote", "elbv2", "AddTags", ResourceArns=[watched.rule], Tags=[note]),
                *_told(event, watched.topic),
            ],
        ),
        "parameters": {
            "At": {"type": "String", "description": "When the alarm rang", "allowedPattern": "^[0-9TZ:.-]+$"},
            "Alarm": {"type": "String", "description": "Its name", "allowedPattern": "^[A-Za-z0-9-]+$"},
        },
    }


def ending(watched: Watched, *, role: str, event_rule: str) -> Document:
    """From now on no alarm takes production back. `event_rule`: the name of EventBridge's."""
    return _document(
        f"AWS watches generation {watched.release.generation} no more",
        role,
        [
            _call("stopWatching", "events", "DisableRule", Name=event_rule),
            *_told(watched.release.event(GUARD_ENDED, at=None), watched.topic),
        ],
    )


def leaving(watched: Watched, *, role: str, kept_minimum: int | None) -> Document:
    """The kept servers go, or their group gets its usual MinSize; but not when it has production again, in any way.

    The rule's two target groups come in any order. With others, or with weights that can't be read, the servers stay.
    """
    sizes = {"MinSize": 0, "DesiredCapacity": 0} if kept_minimum is None else {"MinSize": kept_minimum}
    resize = _call(
        "letServersGo", "autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=watched.previous_group, **sizes
    )
    choices = [
        {
            "NextStep": resize["name"],
            "And": [
                {"Variable": f"{{{{ readWeights.Group{number} }}}}", "StringEquals": watched.previous},
                {"Variable": f"{{{{ readWeights.Weight{number} }}}}", "NumericEquals": 0},
            ],
        }
        for number in (0, 1)
    ]
    outputs = [
        {"Name": f"{what}{number}", "Selector": f"{TARGET_GROUPS}[{number}].{field}", "Type": kind}
        for number in (0, 1)
        for what, field, kind in (("Group", "TargetGroupArn", "String"), ("Weight", "Weight", "Integer"))
    ]
    read = _call("readWeights", "elbv2", "DescribeRules", RuleArns=[watched.rule])
    return _document(
        f"{watched.previous_group} is kept for no guard any more",
        role,
        [
            {**read, "onFailure": "Abort", "outputs": outputs},
            {
                "name": "hasItProduction",
                "action": "aws:branch",
                "inputs": {"Choices": choices, "Default": "serversStay"},
            },
            {**resize, "isEnd": True},
            {"name": "serversStay", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "isEnd": True},
        ],
    )


def _document(description: str, role: str, steps: Iterable[Mapping[str, Any]]) -> Document:
    return {"schemaVersion": "0.3", "description": description, "assumeRole": role, "mainSteps": list(steps)}


def _hand_over(watched: Watched) -> list[dict[str, Any]]:
    """The step by which servers of the live target know of it (`core.live_target`)."""
    if not watched.live_table:
        return []
    said = _call(
        "handWorkBack",
        "dynamodb",
        "UpdateItem",
        TableName=watched.live_table,
        Key={"id": {"S": PRODUCTION}},
        UpdateExpression="SET #number = #number + :one, #generation = :previous",
        ExpressionAttributeNames={"#number": "number", "#generation": "generation"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":previous": {"S": watched.previous_generation}},
    )
    return [said]


def _told(event: ReleaseEvent, topic: str) -> list[dict[str, Any]]:
    """Steps that tell the default bus and the topic of it, as the program's own events are told."""
    told = _call("sendEvent", "events", "PutEvents", Entries=[event.entry()])
    if not topic:
        return [told]
    message = {"Subject": event.subject(), "Message": event.message(), "MessageStructure": "json"}
    return [told, _call("tellTopic", "sns", "Publish", TopicArn=topic, **message)]


def _call(name: str, service: str, api: str, **inputs: Any) -> dict[str, Any]:
    return {
        "name": name,
        "action": "aws:executeAwsApi",
        "maxAttempts": 5,
        "timeoutSeconds": 60,
        "onFailure": "Continue",
        "inputs": {"Service": service, "Api": api, **inputs},
    }
