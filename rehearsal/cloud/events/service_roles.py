"""What a service of AWS may do with a role that the program gave it: moto lets everybody do everything.

Source: "Policy evaluation logic" and "AWS service principals" in the IAM user guide.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from moto.iam.models import iam_backends

from rehearsal.cloud import policies
from rehearsal.cloud.server_roles import statements_of
from rehearsal.state.cloud_state import ACCOUNT


class NotAuthorizedError(Exception):
    """AWS's words for a call that its service may not make."""


def check_trust(role: str, service: str) -> None:
    """Raises NotAuthorizedError unless the role (ARN) lets a service's principal in."""
    document = json.loads(_role(role).assume_role_policy_document)
    said = {"aws:SourceAccount": ACCOUNT}
    for statement in policies.statements(document):
        principal = statement.get("Principal", {})
        trusted = policies.listed(principal.get("Service", [])) if isinstance(principal, dict) else []
        assumes = "sts:AssumeRole" in policies.listed(statement["Action"])
        if service in trusted and assumes and policies.conditions_hold(statement, said):
            return
    raise NotAuthorizedError(f"{service} is not authorized to perform: sts:AssumeRole on resource: {role}")


def check_action(role: str, action: str, resource: str, **context: str | Sequence[str]) -> None:
    """Raises NotAuthorizedError unless the role's policies, within its boundary, allow an action on a resource."""
    for said in statements_of(_role(role).name):
        if said is not None and not policies.allowed(said, action, resource, context):
            raise NotAuthorizedError(f"{role} is not authorized to perform: {action} on resource: {resource}")


def _role(arn: str) -> Any:
    found = next((one for one in iam_backends[ACCOUNT]["aws"].roles.values() if one.arn == arn), None)
    if found is None:
        raise NotAuthorizedError(f"the role {arn} does not exist")
    return found
