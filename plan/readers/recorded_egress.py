"""Where the servers of a group may go, as the state has it: a kept group's ways out stay, whatever the settings say."""

from __future__ import annotations

from plan.config.egress import EVERYWHERE
from plan.readers.stack_state import StateInventory

RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
OUT = "-out"


def egress_name(way: str) -> str:
    """What the logical name of a way out has behind its group's; older stacks have the one for everywhere."""
    return OUT if way == EVERYWHERE else f"{OUT}-{way}"


def recorded_egress(made: StateInventory, group: str) -> tuple[str, ...]:
    """The ways out of the group whose resources' names begin with `group`; () when the state has none."""
    named = [one.name.removeprefix(group) for one in made.resources if one.type == RULE]
    return tuple(EVERYWHERE if name == OUT else name.removeprefix(f"{OUT}-") for name in named if name.startswith(OUT))
