"""A call of AWS's API that a service of AWS makes with a role of the program's: its permissions are asked for first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name

from rehearsal.cloud.events.service_roles import check_action
from rehearsal.cloud.policies import Context, leading_keys
from rehearsal.state.cloud_state import ACCOUNT

Clients = Callable[[str], Any]
"""A client of the local cloud by the name that boto3 has for a service."""

# What Scheduler calls a service (as the SDKs do), boto3's name of it, and IAM's prefix.
SDK_NAMES = {"eventbridge": "events"}
PREFIXES = {"elbv2": "elasticloadbalancing"}


def call_api(clients: Clients, region: str, *, role: str, service: str, api: str, inputs: Mapping[str, Any]) -> Any:
    """Raises NotAuthorizedError, and what boto3 raises: a field that the API does not know is refused there."""
    service = SDK_NAMES.get(service, service)
    client = clients(service)
    operation = client.meta.method_to_api_mapping[xform_name(api[:1].upper() + api[1:])]
    for resource in _resources(service, region, inputs):
        check_action(role, f"{PREFIXES.get(service, service)}:{operation}", resource, **_context(inputs))
    return getattr(client, xform_name(operation))(**inputs)


def _context(inputs: Mapping[str, Any]) -> Context:
    """What IAM is told of a table's item, or of an event (EventBridge user guide, "Using IAM policy conditions")."""
    if "TableName" in inputs:
        return leading_keys(inputs)
    entries = inputs.get("Entries", [])
    return {"events:source": entries[0]["Source"], "events:detail-type": entries[0]["DetailType"]} if entries else {}


def _resources(service: str, region: str, inputs: Mapping[str, Any]) -> list[str]:
    """ARNs of what a call is about, as IAM names them."""
    where = f"arn:aws:{service}:{region}:{ACCOUNT}"
    match service:
        case "elbv2":
            # AWS knows no resource of what only describes.
            return ["*"] if "RuleArns" in inputs else inputs.get("ResourceArns") or [inputs["RuleArn"]]
        case "events":
            return [f"{where}:rule/{inputs['Name']}" if "Name" in inputs else f"{where}:event-bus/default"]
        case "autoscaling":
            return [f"{where}:autoScalingGroup:0a1b:autoScalingGroupName/{inputs['AutoScalingGroupName']}"]
        case "dynamodb":
            return [f"{where}:table/{inputs['TableName']}"]
        case "sns":
            return [inputs["TopicArn"]]
    raise ValueError(f"the local cloud does not know what a call of {service} is about")
