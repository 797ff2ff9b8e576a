"""What a stack's state holds of the steps that have run: what they printed, and the triggers that they ran with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COMMAND = "command:local:Command"


@dataclass(frozen=True)
class RecordedSteps:
    """`steps`: the outputs of each step's command, by the name of its resource."""

    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def production(self, name: str) -> dict[str, int]:
        """What the last promotion reported (see `reported_weights`)."""
        return reported_weights(self.steps.get(name, {}).get("stdout"))

    def rerun_trigger(self, name: str) -> str:
        """A trigger that the recorded run of a step did not have, and that a second look finds the same.

        So an update does what its preview, and a plan that was saved of it, have said.
        """
        had = [str(trigger) for trigger in self.steps.get(name, {}).get("triggers") or []]
        last = had[-1] if len(had) > 1 else ""
        return str(int(last) + 1 if last.isdecimal() else 1)


def reported_weights(said: object) -> dict[str, int]:
    """Percent of production by target group (ARN), as the step promote prints it; empty when that is lost."""
    try:
        found = json.loads(str(said or "{}"))["targets"]
        return {str(arn): int(share) for arn, share in found.items()}
    except (ValueError, TypeError, AttributeError, KeyError):
        return {}
