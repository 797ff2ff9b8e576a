"""Gives a group the servers that its next share of the traffic needs, and watches the share that it has meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from core import server_groups, timing
from core.errors import StepError
from steps.promote.capacity import Capacity, shortage
from steps.runtime.command import Context
from steps.runtime.polling import Pending, poll
from steps.verify import scaling_activities
from steps.verify.launch_errors import Severity, classify


def grow(
    context: Context,
    capacity: Capacity,
    *,
    share: int,
    target_group: str,
    name: str,
    look: Callable[[], object],
    replaced_in: float,
) -> int:
    """Returns how many servers ours needs for `share` percent of the traffic, once they are healthy.

    `look` raises when the share that ours has does not go well. Raises StepError when the servers do not come: a
    launch that waiting can't help ends it at once, one that may pass (AWS has no machine free) after `replaced_in`
    seconds, which a server's replacement may take.
    """
    group = capacity.ours
    known = scaling_activities.known_failures(context.aws, group.name)
    needed = capacity.lift(context, share=share)
    if server_groups.healthy(server_groups.read_targets(context.aws, target_group)) >= needed:
        return needed
    context.progress.line(f"{name} grows to {needed} servers, which {share} % of the traffic need")
    until = context.progress.bounded(max(timing.HEALTHY_SECONDS, 2 * replaced_in))

    def check() -> Pending | None:
        look()
        found = server_groups.read_targets(context.aws, target_group)
        if server_groups.healthy(found) >= needed:
            return None
        _check_launches(context, group.name, needed, but=known, waited=until.elapsed(), patience=replaced_in)
        text, error = shortage(context, found, needed, name, group=group, unseen="more are launched")
        return Pending(text=f"{text}; then {share} %", error=error)

    poll(until, check)
    return needed


def _check_launches(
    context: Context, group: str, needed: int, *, but: frozenset[str], waited: float, patience: float
) -> None:
    """Raises StepError when AWS does not launch what is needed, and waiting is no help or was long enough."""
    if len(server_groups.read_group(context.aws, group).instances) >= needed:
        return
    for message in scaling_activities.failures(context.aws, group, but=but):
        cause = classify(message)
        if cause.trouble is Severity.PERMANENT or waited >= patience:
            raise StepError(
                "PHX-722",
                "the new group can't get the servers that its next share of the traffic needs",
                why=f"a launch failed: {message}",
                do=f"{cause.do}\nor set canaryCapacity to full: then all servers are launched before any traffic moves",
            )
