"""How the resources of one color are replaced: together, with the generation, the new ones before the old.

Each generation of a color has resources of its own, so two generations can't mix.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from plan.config.settings import camel
from plan.group_key import GroupKey


def group_options(
    color: GroupKey,
    parent: pulumi.Resource,
    *,
    depends_on: list[pulumi.Resource] | None = None,
    ignore_changes: list[str] | None = None,
    delete_minutes: float = 0,
) -> pulumi.ResourceOptions:
    """Options of a resource of this color: replaced with the generation or launch, create before delete."""
    timeouts = pulumi.CustomTimeouts(delete=f"{delete_minutes:g}m") if delete_minutes else None
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=depends_on,
        replacement_trigger=color.trigger,
        ignore_changes=ignore_changes,
        custom_timeouts=timeouts,
        transformations=[freeze_inputs] if color.pinned else None,
    )


def freeze_inputs(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Keeps every input as the state has it, each by its name.

    Not by `ignore_changes=["*"]`: that takes the name which autonaming gave for one of ours, and the first update
    after it, which gives none, would replace the resource.
    """
    said = args.props if isinstance(args.props, Mapping) else vars(args.props)
    keys = [camel(key) for key, value in said.items() if value is not None]
    return pulumi.ResourceTransformationResult(
        args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(ignore_changes=keys))
    )
