"""What the things of one color share: their names, tags, and what they are replaced with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class GroupKey:
    """One color of a stack in one generation."""

    stack: str  # SERVICE/STACK
    color: str
    generation: str
    pinned: bool = False  # kept exactly as it is, whatever the program says now
    attempt_id: str = ""  # which attempt at this generation; what an earlier one left half deleted is not used again

    @property
    def name(self) -> str:
        """SERVICE-STACK-COLOR, the prefix of its resources' names."""
        return f"{self.stack.replace('/', '-')}-{self.color}"

    @property
    def trigger(self) -> str:
        """What its resources are replaced with."""
        return f"{self.generation} {self.attempt_id}".rstrip()

    def tags(self, **more: T) -> dict[str, T | str]:
        """Tags that say whose and what a resource is; `baked_at=...` becomes `phoenix:baked-at`."""
        own: dict[str, T | str] = {"stack": self.stack, "color": self.color, "generation": self.generation, **more}
        if self.attempt_id:
            own["birth"] = self.attempt_id
        return {"Name": self.name, **{f"phoenix:{key.replace('_', '-')}": value for key, value in own.items()}}
