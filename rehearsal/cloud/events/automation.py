"""Systems Manager Automation: runs a document's steps as the program declared them.

Whoever starts one must be allowed to on the document and on an execution ("Setting up identity based policies
examples" in the user guide, and the Service Authorization Reference; the resource automation-definition is optional).

Sources: "Automation actions reference" (aws:executeAwsApi with outputs by JSONPath, aws:branch, aws:sleep), "Properties
shared by all actions" (onFailure, maxAttempts, isEnd; a step that fails aborts the rest) and "Using conditional
statements in runbooks" in the Systems Manager user guide. A document with another action, operator or selector is
refused here, not half run; time does not pass in a sleep.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.ssm.models import ssm_backends

from rehearsal.cloud.events.api_calls import Clients, call_api
from rehearsal.cloud.events.service_roles import NotAuthorizedError, check_action, check_trust
from rehearsal.state.cloud_state import ACCOUNT, CloudState

PRINCIPAL = "ssm.amazonaws.com"
_PARAMETER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_PATH = re.compile(r"\.(\w+)|\[(\d+)\]")


class AutomationFailedError(Exception):
    """The automation ended as Failed; the text says at which step, and why."""


def start(
    state: CloudState,
    clients: Clients,
    *,
    by: str,
    name: str,
    given: Mapping[str, Sequence[str]],
) -> None:
    """StartAutomationExecution by whoever has the role `by`. Raises AutomationFailedError, NotAuthorizedError."""
    for resource in (f"document/{name}", f"automation-execution/{uuid.uuid4()}"):
        check_action(by, "ssm:StartAutomationExecution", f"arn:aws:ssm:{state.region}:{ACCOUNT}:{resource}")
    found = ssm_backends[ACCOUNT][state.region].get_document(name, None, None, None)
    document = json.loads(found["Content"]) if isinstance(found["Content"], str) else found["Content"]
    check_action(by, "iam:PassRole", document["assumeRole"], **{"iam:PassedToService": PRINCIPAL})
    run_document(document, given, clients, state.region)


def run_document(
    document: Mapping[str, Any], given: Mapping[str, Sequence[str]], clients: Clients, region: str
) -> None:
    """Raises AutomationFailedError."""
    values: dict[str, Any] = dict(check_parameters(document, given))
    role = document["assumeRole"]
    try:
        check_trust(role, PRINCIPAL)
    except NotAuthorizedError as error:
        raise AutomationFailedError(str(error)) from None
    steps = {step["name"]: step for step in document["mainSteps"]}
    name: str | None = next(iter(steps))
    while name is not None:
        jump = _run(steps[name], values, clients, region, role)
        after = list(steps)[list(steps).index(name) + 1 :]
        name = jump or (None if steps[name].get("isEnd") else next(iter(after), None))


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


def _run(step: Mapping[str, Any], values: dict[str, Any], clients: Clients, region: str, role: str) -> str | None:
    """The name of the step to jump to; None for the next one."""
    match step["action"]:
        case "aws:branch":
            return _branch(step["inputs"], values)
        case "aws:executeAwsApi":
            _call(step, values, clients, region, role)
            return None
        case "aws:sleep":
            return None
    raise AutomationFailedError(f"{step['name']}: the local cloud does not run {step['action']}")


def _call(step: Mapping[str, Any], values: dict[str, Any], clients: Clients, region: str, role: str) -> None:
    inputs = json.loads(_filled(json.dumps(step["inputs"]), values))
    service, api = inputs.pop("Service"), inputs.pop("Api")
    for attempt in range(int(step.get("maxAttempts", 1))):
        try:
            answer = call_api(clients, region, role=role, service=service, api=api, inputs=inputs)
        except (ClientError, BotoCoreError, NotAuthorizedError) as error:
            last = attempt + 1 == int(step.get("maxAttempts", 1))
            if last and step.get("onFailure", "Abort") == "Abort":
                raise AutomationFailedError(f"{step['name']}: {error}") from error
            continue
        for output in step.get("outputs", ()):
            values[f"{step['name']}.{output['Name']}"] = _at(answer, output["Selector"])
        return


def _filled(text: str, values: Mapping[str, Any]) -> str:
    """With what is known put in; what is not stays as it is written."""
    return _PARAMETER.sub(lambda named: str(values.get(named[1], named[0])), text)


def _at(answer: Any, selector: str) -> Any:
    """What a JSONPath of names and numbers selects; itself, in braces, when there is nothing."""
    if _PATH.sub("", selector) != "$":
        raise AutomationFailedError(f"the local cloud does not know the selector {selector}")
    for key, number in _PATH.findall(selector):
        try:
            answer = answer[key] if key else answer[int(number)]
        except (KeyError, IndexError):
            return f"{{{{{selector}}}}}"
    return answer


def _branch(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> str | None:
    for choice in inputs["Choices"]:
        if _holds({key: value for key, value in choice.items() if key != "NextStep"}, values):
            return str(choice["NextStep"])
    return inputs.get("Default")


def _holds(condition: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if "And" in condition:
        return all(_holds(one, values) for one in condition["And"])
    found = _filled(condition["Variable"], values)
    match {key: value for key, value in condition.items() if key != "Variable"}:
        case {"StringEquals": wanted, **rest} if not rest:
            return bool(found == wanted)
        case {"NumericEquals": wanted, **rest} if not rest:
            return found == str(wanted)
    raise AutomationFailedError(f"the local cloud does not know the condition {condition}")
