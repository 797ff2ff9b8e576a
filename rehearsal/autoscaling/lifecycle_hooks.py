"""What holds an instance on its way into service or out of it: lifecycle hooks.

Source: "How lifecycle hooks work in Auto Scaling groups" (EC2 Auto Scaling user guide): an instance waits until
somebody completes each hook's action, or its heartbeat times out. Here it goes on then, also where the result would be
ABANDON.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rehearsal.autoscaling.member import Member, members
from rehearsal.state.cloud_state import CloudState

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"


def waits_for_hook(state: CloudState, group: Any, member: Member, transition: str) -> bool:
    """Whether a hook keeps the member waiting; a deletion with force ends what is outstanding."""
    if getattr(group, "status", None):
        return False
    waiting = [
        name
        for name, until in _hook_deadlines(state, group, member, transition).items()
        if name not in member.completed and state.now() < until
    ]
    if waiting:
        member.lifecycle_state = "Pending:Wait" if transition == LAUNCHING else "Terminating:Wait"
    return bool(waiting)


def target_state(groups: Iterable[Any], instance_id: str) -> str | None:
    """What the instance's metadata says that it goes to; None for an instance of no group.

    Source: "Retrieve the target lifecycle state through instance metadata".
    """
    for member in (one for group in groups for one in members(group)):
        if member.instance.id == instance_id:
            return "Terminated" if member.terminating else "Standby" if member.on_standby else "InService"
    return None


def _hook_deadlines(state: CloudState, group: Any, member: Member, transition: str) -> dict[str, float]:
    """Each hook's end, of those that were there when the member came to wait."""
    if transition not in member.waits:
        member.waits[transition] = {
            hook.name: state.now() + state.scaled(float(hook.heartbeat_timeout))
            for hook in group.autoscaling_backend.lifecycle_hooks.values()
            if hook.auto_scaling_group_name == group.name and hook.lifecycle_transition == transition
        }
    return member.waits[transition]
