"""Why production can't pass from one listener to another in this update: nothing else may move meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem, problem
from plan.checks.permanent import PermanentResources, commands_back
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def missing_listener_error(before: PermanentResources, live: LiveState) -> Iterator[Problem]:
    """Listeners of the state that AWS no longer has: an update was killed right after it deleted one, or a person did.

    The provider fails on deleting it once more, in every update from then on (hashicorp/terraform-provider-aws,
    internal/service/elbv2/listener.go, 5.100: ListenerNotFound is an error there; of other things it is not), and
    never makes again what the program still declares.
    """
    if live.load_balancer != before.balancer:
        return
    for one in before.listeners:
        if one.arn not in live.listeners:
            yield problem(
                "PHX-339",
                f"the state's {one.name}",
                f"{one.protocol} {one.port}",
                "must be there, and AWS has no such listener"
                " any more: an update was killed right after it deleted it, or a person did",
                "pulumi refresh --clear-pending-creates, then pulumi up",
            )


def combined_change_error(
    before: PermanentResources, live: LiveState, s: Settings, plan: RolloutPlan, *, port: int
) -> Iterator[Problem]:
    """Why production can't pass to another listener in this update: something else moves in it, and knows but one."""
    existing, main = before.rules.get("production"), before.ports.get(port)
    if existing is None or not before.listeners:
        return
    leads = [door for door in live.listener_rules if door.kind == "production"]
    if any(door.shares != leads[0].shares for door in leads):
        yield problem(
            "PHX-338",
            "listenerPort",
            port,
            "must have its users led where all are led: two production rules of this stack give"
            " them to different groups",
            f"aws elbv2 delete-rule --rule-arn {' or '.join(door.arn for door in leads)},"
            " then pulumi refresh and pulumi up",
        )
    passing = main is None or main.arn != existing.listener
    behind = any(door.arn != existing.arn for door in leads)
    if (passing or behind) and not (plan.is_up_to_date and not plan.to_delete):
        yield problem(
            "PHX-337",
            "listenerPort",
            port,
            "must not change together with a launch, a move of traffic or the end of a group"
            + (", and an update that changed it was killed half-way" if behind else ""),
            f"take that back, and pulumi up for the listener alone; or keep {commands_back(before)} for now",
        )
