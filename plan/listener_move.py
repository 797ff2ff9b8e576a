"""How production passes from one listener to another: names and numbers. Pure.

A port is a listener of its own with rules of its own. Those of a new port are made first, those of the old one are
deleted last of all: in between, and for as long as a killed update lies there, both lead users to the same groups.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from plan.checks.permanent import PermanentResources
from plan.readers.live_state import LiveState

# AWS tries rules in the order of their priority: the door of preview comes before everybody's, the redirect last.
PRIORITIES = {"preview": 10, "production": 100, "redirect": 200}


@dataclass(frozen=True)
class ListenerMove:
    """`names`: logical names of the listeners that the state holds, by port. `priorities`: of rules by what they are.

    `redirecting`: ports whose listener's default action leads on, as an older version made it. `hsts`: ports whose
    listener has told browsers to come by HTTPS alone. `log_bucket`: where access logs went.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=lambda: PRIORITIES)
    redirecting: Collection[int] = ()
    hsts: Collection[int] = ()
    log_bucket: str = ""


def plan_listener_move(before: PermanentResources, live: LiveState, *, port: int) -> ListenerMove:
    """Those of an update whose main listener is on `port`."""
    ports = before.ports
    on = {"preview": port, "production": port, "redirect": 80}
    return ListenerMove(
        names={number: one.name for number, one in ports.items()},
        priorities={
            kind: _priority(kind, ports[on[kind]].arn if on[kind] in ports else "", before, live) for kind in PRIORITIES
        },
        redirecting=frozenset(number for number, one in ports.items() if one.redirects),
        hsts=frozenset(number for number, one in ports.items() if one.hsts),
        log_bucket=before.log_bucket,
    )


def _priority(kind: str, listener: str, before: PermanentResources, live: LiveState) -> int:
    """The number of a rule: the one that it has, else one before all of its kind, else the first that is free.

    Others of its kind are there when an update was killed: one that AWS made and the state never heard of, or one that
    the state will have deleted at the end. No two rules may have a number at once.
    """
    existing = before.rules.get(kind)
    if existing and listener and existing.listener == listener:
        return existing.priority
    there = [door for door in live.listener_rules if listener and door.listener == listener]
    taken = {door.priority for door in there}
    first: int = min([PRIORITIES[kind] + 1, *(door.priority for door in there if door.kind == kind)]) - 1
    order: tuple[int, ...] = (*range(first, 0, -1), *range(PRIORITIES[kind], 0, -1))
    return next(number for number in order if number not in taken)


def leftover_rules(before: PermanentResources, live: LiveState, known: Collection[str]) -> list[str]:
    """Rules of the stack on the state's listeners that the state does not hold (ARNs): a killed update left them.

    None while what the state holds instead is not there, or leads elsewhere: then they may be all that users have.
    """
    mine = {one.arn for one in before.listeners}
    arns = {rule.arn for rule in before.rules.values()}
    held = {door.kind: door for door in live.listener_rules if door.arn in arns}
    return [
        door.arn
        for door in live.listener_rules
        if door.kind in held
        and door.listener in mine
        and door.arn not in known
        and (door.kind != "production" or door.shares == held[door.kind].shares)
    ]
