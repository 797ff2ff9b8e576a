"""How much a role takes: moto has no limit.

Source: "IAM and AWS STS quotas" in the IAM user guide; the words are those of AttachRolePolicy and PutRolePolicy.
"""

from __future__ import annotations

from typing import Any

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

ATTACHED, CHARACTERS = 10, 10240


@around(IAMBackend, "attach_role_policy")
def takes_ten_managed_policies(
    cloud: CloudState, original: Correction, backend: Any, policy_arn: str, role_name: str
) -> Any:
    if len({*backend.get_role(role_name).managed_policies, policy_arn}) > ATTACHED:
        raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}")
    return original(backend, policy_arn, role_name)


@around(IAMBackend, "put_role_policy")
def takes_so_many_characters(
    cloud: CloudState, original: Correction, backend: Any, role_name: str, policy_name: str, policy_json: str
) -> Any:
    documents = {**backend.get_role(role_name).policies, policy_name: policy_json}
    if sum(len("".join(document.split())) for document in documents.values()) > CHARACTERS:
        raise LimitExceededException(f"Maximum policy size of {CHARACTERS} bytes exceeded for role {role_name}")
    return original(backend, role_name, policy_name, policy_json)
