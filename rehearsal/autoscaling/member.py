"""A group's instances as the group knows them, and what it keeps about itself between two passes."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import InstanceState

from rehearsal.state.cloud_state import CloudState
from rehearsal.state.scaling_activity import Activity


class Member(InstanceState):  # type: ignore[misc]
    """An instance of a group: moto's record, and what only the group knows of it."""

    def __init__(self, instance: Any, group: Any, activity: Activity, now: float) -> None:
        super().__init__(
            instance,
            lifecycle_state="Pending",
            protected_from_scale_in=group.new_instances_protected_from_scale_in,
        )
        self.activity = activity
        self.launched = now
        self.in_service_since: float | None = None
        self.target_groups: set[str] = set()
        # Lifecycle hooks: by transition the time until each holds it, and those that somebody has completed.
        self.waits: dict[str, dict[str, float]] = {}
        self.completed: set[str] = set()
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        self._template = {
            "LaunchTemplateId": version.template.id,
            "LaunchTemplateName": version.template.name,
            "Version": str(version.number),
        }

    @property
    def launch_template(self) -> dict[str, Any]:
        """The version it was launched from; moto shows the template's default."""
        return self._template

    @property
    def terminating(self) -> bool:
        return bool(self.lifecycle_state.startswith("Terminating"))

    @property
    def on_standby(self) -> bool:
        """In Standby: in its group, but of no size of it, in no load balancer, and checked by nobody."""
        return bool(self.lifecycle_state == "Standby")


def members(group: Any) -> list[Member]:
    """Those the group launched itself: an instance attached by hand is nothing that this project does."""
    return [member for member in group.instance_states if isinstance(member, Member)]


def register(group: Any, member: Member) -> None:
    for arn in group.target_group_arns:
        target_group = group.autoscaling_backend.elbv2_backend.target_groups.get(arn)
        if target_group is not None and arn not in member.target_groups and member.instance.state == "running":
            target_group.register([{"Id": member.instance.id, "Port": target_group.port}])
            member.target_groups.add(arn)


def deregister(group: Any, member: Any) -> None:
    for arn in getattr(member, "target_groups", set()):
        target_group = group.autoscaling_backend.elbv2_backend.target_groups.get(arn)
        if target_group is not None and member.instance.id in target_group.targets:
            target_group.deregister([{"Id": member.instance.id}])


def draining(state: CloudState, member: Member) -> bool:
    alive = member.instance.state == "running"
    return alive and any((arn, member.instance.id) in state.draining for arn in member.target_groups)


def record(state: CloudState, group: Any, member: Member, activity: Activity) -> None:
    member.activity = activity
    recorded = state.activities.setdefault(group.name, [])
    for index, known in enumerate(recorded):
        if known.id == activity.id:
            recorded[index] = activity
            return
    recorded.append(activity)


def capacity_change_cause(group: Any) -> str:
    """The sentence that changed the desired capacity, for the first activities that follow from it."""
    request = getattr(group, "request", "")
    group.request = ""
    return str(request)


def suspended(group: Any, process: str) -> bool:
    return process in (_name(p) for p in group._suspended_processes)


def _name(process: Any) -> str:
    return process["ProcessName"] if isinstance(process, dict) else str(process)
