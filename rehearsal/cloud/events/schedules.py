"""EventBridge Scheduler: one-time schedules that are enabled call AWS's API when their time has come.

Sources: "Schedule types" (at(yyyy-mm-ddThh:mm:ss), in UTC unless it says otherwise) and "Using universal targets"
(arn:aws:scheduler:::aws-sdk:SERVICE:ACTION) in the EventBridge Scheduler user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow
from moto.scheduler.models import scheduler_backends

from rehearsal.cloud.events import automation
from rehearsal.cloud.events.api_calls import Clients, call_api
from rehearsal.cloud.events.automation import AutomationFailedError
from rehearsal.cloud.events.service_roles import NotAuthorizedError, check_trust
from rehearsal.state.cloud_state import ACCOUNT, CloudState

PRINCIPAL = "scheduler.amazonaws.com"
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_TARGET = re.compile(r"arn:aws:scheduler:::aws-sdk:(?P<service>\w+):(?P<api>\w+)")


def time_of(expression: str) -> datetime | None:
    """When a one-time schedule is due; None for what is no such expression."""
    found = _AT.fullmatch(expression)
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None


def due(state: CloudState) -> Iterator[Any]:
    """The schedules whose time has come, each once for each time that it was set to."""
    now = utcnow().replace(tzinfo=UTC) + timedelta(seconds=state.schedules_ahead)
    for group in list(scheduler_backends[ACCOUNT][state.region].schedule_groups.values()):
        for schedule in list(group.schedules.values()):
            at = time_of(schedule.schedule_expression)
            key = (schedule.arn, schedule.schedule_expression)
            if schedule.state == "ENABLED" and at is not None and at <= now and key not in state.schedules_invoked:
                state.schedules_invoked.add(key)
                yield schedule


def invoke(state: CloudState, clients: Clients, schedule: Any) -> None:
    """Calls what a schedule is for; what AWS refuses is written into the journal."""
    target = schedule.target
    named = _TARGET.fullmatch(target["Arn"])
    try:
        if named is None:
            raise NotAuthorizedError("the local cloud knows no such target")
        check_trust(target["RoleArn"], PRINCIPAL)
        role, inputs = target["RoleArn"], json.loads(target["Input"])
        if named["api"] == "startAutomationExecution":
            given = inputs.get("Parameters", {})
            automation.start(state, clients, by=role, name=inputs["DocumentName"], given=given)
        else:
            call_api(clients, state.region, role=role, service=named["service"], api=named["api"], inputs=inputs)
        state.journal.record("schedule", schedule.name, f"{named['api']} {target['Input']}")
    except (ClientError, BotoCoreError, NotAuthorizedError, AutomationFailedError) as error:
        state.journal.record("schedule", schedule.name, f"{target['Arn']} failed: {error}")
