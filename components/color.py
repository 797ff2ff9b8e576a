"""What the things of one color share: names, tags, and the rule that replaces them together.

Each generation of a color has resources of its own, so two generations can't mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.settings import camel

COLORS = ("blue", "green")


def other(color: str) -> str:
    """The color beside this one."""
    return COLORS[1 - COLORS.index(color)]


@dataclass(frozen=True)
class Color:
    """One color of a stack in one generation."""

    stack: str  # SERVICE/STACK
    color: str
    generation: str
    frozen: bool = False  # kept exactly as it is, whatever the program says now
    birth: str = ""  # which attempt at this generation; what an earlier one left half deleted is not used again

    @property
    def name(self) -> str:
        """SERVICE-STACK-COLOR, the prefix of its resources' names."""
        return f"{self.stack.replace('/', '-')}-{self.color}"

    @property
    def trigger(self) -> str:
        """What its resources are replaced with."""
        return f"{self.generation} {self.birth}".rstrip()

    def tags(self, **more: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
        """Tags that say whose and what a resource is; `baked_at=...` becomes `phoenix:baked-at`."""
        own = {"stack": self.stack, "color": self.color, "generation": self.generation, **more}
        if self.birth:
            own["birth"] = self.birth
        return {"Name": self.name, **{f"phoenix:{key.replace('_', '-')}": value for key, value in own.items()}}

    def options(
        self,
        parent: pulumi.Resource,
        *,
        depends_on: list[pulumi.Resource] | None = None,
        ignore_changes: list[str] | None = None,
        delete_minutes: float = 0,
    ) -> pulumi.ResourceOptions:
        """Options of a resource of this color: replaced with the generation or birth, create before delete."""
        timeouts = pulumi.CustomTimeouts(delete=f"{delete_minutes:g}m") if delete_minutes else None
        return pulumi.ResourceOptions(
            parent=parent,
            depends_on=depends_on,
            replacement_trigger=self.trigger,
            ignore_changes=ignore_changes,
            custom_timeouts=timeouts,
            transformations=[_as_it_is] if self.frozen else None,
        )


def _as_it_is(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Keeps every input as the state has it, each by its name.

    Not by `ignore_changes=["*"]`: that takes the name which autonaming gave for one of ours, and the first update
    after it, which gives none, would replace the resource.
    """
    said = args.props if isinstance(args.props, Mapping) else vars(args.props)
    keys = [camel(key) for key, value in said.items() if value is not None]
    return pulumi.ResourceTransformationResult(
        args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(ignore_changes=keys))
    )
