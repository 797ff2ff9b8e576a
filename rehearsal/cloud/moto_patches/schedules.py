"""What EventBridge Scheduler refuses and moto lets through: other expressions, names, and roles that do not trust it.

Source: CreateSchedule in its API reference; "The execution role you provide must allow AWS EventBridge Scheduler to
assume the role." is its word for a role that does not, also for one that IAM has not spread yet.
"""

from __future__ import annotations

import re
from typing import Any

from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend

from rehearsal.cloud.events.schedules import PRINCIPAL, time_of
from rehearsal.cloud.events.service_roles import NotAuthorizedError, check_trust
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")


@around(EventBridgeSchedulerBackend, "create_schedule")
@around(EventBridgeSchedulerBackend, "update_schedule")
def check_schedule(cloud: CloudState, original: Correction, backend: Any, **given: Any) -> Any:
    expression = given["schedule_expression"]
    if time_of(expression) is None and not re.match(r"(cron|rate)\(.+\)$", expression):
        raise ValidationException(f"Invalid Schedule Expression {expression}.")
    if not NAME.fullmatch(given["name"]):
        raise ValidationException(f"Value '{given['name']}' at 'name' failed to satisfy constraint: {NAME.pattern}")
    try:
        check_trust(given["target"]["RoleArn"], PRINCIPAL)
    except NotAuthorizedError:
        raise ValidationException(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        ) from None
    return original(backend, **given)
