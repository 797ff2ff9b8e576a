"""EventBridge: a change of an alarm's state is an event, and rules that are enabled lead it to Automation documents.

Sources: "Alarm events and EventBridge" (CloudWatch user guide); "Amazon EventBridge input transformation" (a text that
stands alone gets its quotes); "Amazon EventBridge event bus targets": a document's target is
arn:aws:ssm:REGION:ACCOUNT:automation-definition/NAME:VERSION, and the rule's role must start it and pass its role.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from moto.core.utils import utcnow
from moto.events.models import events_backends

from rehearsal.cloud.events import automation
from rehearsal.cloud.events.api_calls import Clients
from rehearsal.cloud.events.automation import AutomationFailedError
from rehearsal.cloud.events.service_roles import NotAuthorizedError, check_trust
from rehearsal.state.cloud_state import ACCOUNT, CloudState

PRINCIPAL = "events.amazonaws.com"
_DOCUMENT = re.compile(
    r"arn:aws:ssm:[^:]+:\d+:automation-definition/(?P<name>[\w.-]+):(?P<version>\$DEFAULT|\$LATEST|\d+)"
)


def alarm_event(alarm: Any, *, before: str, region: str) -> dict[str, Any]:
    """What CloudWatch tells EventBridge when an alarm went from one state to another."""
    now = utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": now,
        "region": region,
        "resources": [alarm.alarm_arn],
        "detail": {
            "alarmName": alarm.name,
            "state": {"value": alarm.state_value, "reason": alarm.state_reason, "timestamp": now},
            "previousState": {"value": before},
        },
    }


def deliver(state: CloudState, clients: Clients, event: Mapping[str, Any]) -> None:
    """Leads an event to the targets of the rules that match it; what a target refuses is written into the journal."""
    rules = events_backends[ACCOUNT][state.region].event_buses["default"].rules
    for rule in list(rules.values()):
        if rule.state != "ENABLED" or not rule.event_pattern.matches_event(event):
            continue
        for target in list(rule.targets):
            try:
                _start(state, clients, target, event)
                state.journal.record("automation", rule.name, f"{target['Arn']} has run")
            except (AutomationFailedError, NotAuthorizedError) as error:
                state.journal.record("automation", rule.name, f"{target['Arn']} failed: {error}")


def _start(state: CloudState, clients: Clients, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    arn = _DOCUMENT.fullmatch(target["Arn"])
    if arn is None:
        raise AutomationFailedError("the local cloud knows no such target")
    check_trust(target["RoleArn"], PRINCIPAL)
    given = transformed(target, event)
    automation.start(state, clients, by=target["RoleArn"], name=arn["name"], given=given)


def transformed(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What a target is given of an event: the parameters of an automation."""
    said = target.get("InputTransformer")
    if said is None:
        return json.loads(target["Input"]) if "Input" in target else event
    values = {name: _at(event, path) for name, path in said.get("InputPathsMap", {}).items()}
    return json.loads(re.sub(r"<(\w+)>", lambda named: json.dumps(values[named[1]]), said["InputTemplate"]))


def _at(event: Any, path: str) -> Any:
    for key in path.removeprefix("$.").split("."):
        event = event[key]
    return event
