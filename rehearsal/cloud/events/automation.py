"""Systems Manager Automation: runs a document's steps of the action aws:executeAwsApi, as the program declared them.

Source: "aws:executeAwsApi" and "Properties shared by all actions" (onFailure, maxAttempts; a step that fails aborts
the rest) in the Systems Manager user guide. A document with another action is refused here, not half run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.cloud.events.api_calls import Clients, call_api
from rehearsal.cloud.events.service_roles import NotAuthorizedError, check_trust

PRINCIPAL = "ssm.amazonaws.com"
_PARAMETER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class AutomationFailedError(Exception):
    """The automation ended as Failed; the text says at which step, and why."""


def run_document(
    document: Mapping[str, Any], given: Mapping[str, Sequence[str]], clients: Clients, region: str
) -> None:
    """Raises AutomationFailedError."""
    values = check_parameters(document, given)
    role = document["assumeRole"]
    try:
        check_trust(role, PRINCIPAL)
    except NotAuthorizedError as error:
        raise AutomationFailedError(str(error)) from None
    for step in document["mainSteps"]:
        _run(step, values, clients, region, role)


def check_parameters(document: Mapping[str, Any], given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The document's parameters with their values. Raises AutomationFailedError as StartAutomationExecution refuses."""
    known = document.get("parameters", {})
    if unknown := given.keys() - known.keys():
        raise AutomationFailedError(f"InvalidParameters: unknown parameters {sorted(unknown)}")
    values = {}
    for name, about in known.items():
        if name not in given and "default" not in about:
            raise AutomationFailedError(f"InvalidParameters: {name} is missing")
        value = given[name][0] if name in given else about["default"]
        if not re.search(about.get("allowedPattern", ""), value):
            raise AutomationFailedError(f"InvalidParameters: {name} is {value!r}, which its pattern does not allow")
        values[name] = value
    return values


def _run(step: Mapping[str, Any], values: Mapping[str, str], clients: Clients, region: str, role: str) -> None:
    if step["action"] != "aws:executeAwsApi":
        raise AutomationFailedError(f"{step['name']}: the local cloud does not run {step['action']}")
    inputs = json.loads(_PARAMETER.sub(lambda named: values[named[1]], json.dumps(step["inputs"])))
    service, api = inputs.pop("Service"), inputs.pop("Api")
    for attempt in range(int(step.get("maxAttempts", 1))):
        try:
            call_api(clients, region, role=role, service=service, api=api, inputs=inputs)
        except (ClientError, BotoCoreError, NotAuthorizedError) as error:
            last = attempt + 1 == int(step.get("maxAttempts", 1))
            if last and step.get("onFailure", "Abort") == "Abort":
                raise AutomationFailedError(f"{step['name']}: {error}") from error
            continue
        return
