"""Which managed policies a group's role has, as the state has it: a kept group's stay, whatever the settings say."""

from __future__ import annotations

import hashlib

from plan.readers.stack_state import StateInventory

ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def attachment_name(arn: str) -> str:
    """What the logical name of an attachment has behind its group's: AWS's policies and the account's may be alike."""
    return f"-policy-{arn.rpartition('/')[2]}-{hashlib.sha256(arn.encode()).hexdigest()[:6]}"


def recorded_policies(made: StateInventory, group: str) -> tuple[str, ...]:
    """The ARNs of the group whose resources' names begin with `group`; () when the state has none."""
    found = [one for one in made.resources if one.type == ATTACHMENT and one.name.startswith(f"{group}-policy-")]
    return tuple(str(one.outputs["policyArn"]) for one in found)
