"""Whether servers can have disks under a customer's key: it is Auto Scaling that launches them, in its own name.

Its role has no right to any key but what the key's own policy, or a grant, gives it (EC2 Auto Scaling user guide,
"Required AWS KMS key policy for use with encrypted volumes").
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core import kms as keys
from core import partitions

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

ROLE = "arn:{partition}:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
NEEDED = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext")


def volume_key_problem(kms: KMSClient | None, key: str, *, account: str) -> str | None:
    """Why it can't be; empty when it can. None when no key was named. Raises ClientError for what may not be asked."""
    if kms is None:
        return None
    found = keys.enabled_key(kms, key)
    if isinstance(found, str):
        return found
    if why := keys.kind_problem(found):
        return why
    region, owner = key.split(":")[3:5]
    role = ROLE.format(partition=partitions.of(region), account=account)
    granted = kms.list_grants(KeyId=key, GranteePrincipal=role)["Grants"]
    if any({"CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext"} <= set(one["Operations"]) for one in granted):
        return ""
    if owner != account:
        return f"{role} has no grant on it, which another account's key takes (aws kms create-grant)"
    policy = json.loads(kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"])
    missing = [action for action in NEEDED if not allows(policy, role, action)]
    return f"its policy does not let {role} do {', '.join(missing)}" if missing else ""


def allows(policy: Mapping[str, Any], role: str, action: str) -> bool:
    """Whether a key's policy lets a role do something.

    A leave counts whatever its conditions are, and a denial when it has none. The account itself (`:root`) is no such
    leave: that hands it to the role's own policies, which have no key in them.
    """
    said = policy["Statement"]
    effects = {
        one["Effect"]
        for one in ([said] if isinstance(said, Mapping) else said)
        if any(who in ("*", role) for who in _listed(_principals(one)))
        and any(fnmatch.fnmatchcase(action.lower(), said.lower()) for said in _listed(one.get("Action", [])))
        and not (one["Effect"] == "Deny" and one.get("Condition"))
    }
    return effects == {"Allow"}


def _principals(statement: Mapping[str, Any]) -> Any:
    said = statement.get("Principal", [])
    return said.get("AWS", []) if isinstance(said, Mapping) else said


def _listed(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said)
