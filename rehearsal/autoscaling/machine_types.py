"""Which instance types a group may launch, in what order, and whether the next one is Spot: its mixed instances policy.

Source: "Allocation strategies for multiple instance types" (EC2 Auto Scaling user guide) and InstancesDistribution (API
reference). Which Spot pool has most to spare is not played: Spot is taken in the order of the types too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def policy_of(group: Any) -> Mapping[str, Any]:
    """A group's mixed instances policy; empty for none."""
    return getattr(group, "mixed_instances_policy", None) or {}


def types_of(group: Any, data: Mapping[str, Any]) -> list[str]:
    """The types to try one after the other; `data` is the template's, which has one."""
    overrides = policy_of(group).get("LaunchTemplate", {}).get("Overrides", [])
    return [one["InstanceType"] for one in overrides] or [str(data.get("InstanceType"))]


def next_is_spot(group: Any, members: Sequence[Any]) -> bool:
    """Whether what a group launches next is Spot: on demand lacks none of its share, which is rounded up."""
    distribution = policy_of(group).get("InstancesDistribution", {})
    base = int(distribution.get("OnDemandBaseCapacity", 0))
    percent = int(distribution.get("OnDemandPercentageAboveBaseCapacity", 100))
    size = len(members) + 1
    wanted = min(size, base) - (-max(0, size - base) * percent // 100)
    have = sum(getattr(member.instance, "lifecycle", None) != "spot" for member in members)
    return bool(policy_of(group)) and have >= wanted


def no_room(*, types: Sequence[str], zone: str, spot: bool) -> str:
    """What EC2 says when it has none of the types in a zone; of several it names the first."""
    if spot:
        return (
            "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request "
            "configuration. Please adjust your request and try again."
        )
    said = f"We currently do not have sufficient {types[0]} capacity in the Availability Zone you requested ({zone})."
    return f"Could not launch On-Demand Instances. InsufficientInstanceCapacity - {said}" if len(types) > 1 else said
