"""Keys of KMS that a group's servers need for their disks: Auto Scaling uses them in its own name, and ends who can't.

The account's leave to itself (`:root`) is none for its role, whose own policies name no key. Sources: "Required AWS KMS
key policy for use with encrypted volumes" and "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures"
(Client.InternalError, Client.InvalidKMSKey.InvalidState), EC2 Auto Scaling user guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rehearsal.cloud import policies
from rehearsal.cloud.moto_patches import kms_keys

ROLE = "arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
NO_RIGHT = "Client.InternalError: Client error on launch"
NO_KEY = "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"
# Those that each disk needs; a disk under another key than its snapshot's is encrypted anew, with one more.
OPERATIONS = ("CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext")


def termination_reason(ec2: Any, instance: Any) -> str | None:
    """Why an instance of a group ends before it runs; None when it does not. `ec2`: moto's, whose instance it is."""
    for name in _keys_of(ec2, instance):
        key = _find(ec2, name)
        if key is None or not key.enabled or key.key_state != "Enabled":
            return NO_KEY
        if not _may_use(key, ec2.account_id, ec2.region_name):
            return NO_RIGHT
    return None


def _keys_of(ec2: Any, instance: Any) -> Iterator[str]:
    """Of its disks, and of the snapshot that the first was made from."""
    image = ec2.amis.get(instance.image_id)
    disks = [ec2.volumes.get(disk.volume_id) for disk in instance.block_device_mapping.values()]
    for one in [*disks, image.ebs_snapshot if image else None]:
        if one is not None and one.encrypted and one.kms_key_id:
            yield one.kms_key_id


def _find(ec2: Any, name: str) -> Any:
    if name.startswith("arn:"):
        return kms_keys.found(name)
    kind = "" if name.startswith("alias/") else "key/"
    return kms_keys.found(f"arn:aws:kms:{ec2.region_name}:{ec2.account_id}:{kind}{name}")


def _may_use(key: Any, account: str, region: str) -> bool:
    role = ROLE.format(account=account)
    if kms_keys.aws_own(key) and key.account_id == account:
        return True
    if any(one.grantee_principal == role and set(OPERATIONS) <= set(one.operations) for one in key.grants.values()):
        return True
    if key.account_id != account:
        return False
    context = {
        "kms:GrantIsForAWSResource": "true",
        "kms:ViaService": f"ec2.{region}.amazonaws.com",
        "kms:CallerAccount": account,
    }
    said = [
        {"Resource": "*", **one}
        for one in policies.statements(json.loads(key.policy))
        if role in _principals(one, role)
    ]
    return all(policies.allowed(said, f"kms:{operation}", key.arn, context) for operation in OPERATIONS)


def _principals(statement: Any, role: str) -> Iterable[str]:
    said = statement.get("Principal", {})
    named = policies.listed(said if isinstance(said, str) else said.get("AWS", []))
    return [role if one == "*" else one for one in named]
