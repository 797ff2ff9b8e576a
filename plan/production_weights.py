"""Which weights the production rule is declared with: those that the step promote reports, and no others.

The settings say what production is to become; promote moves it there, watched, and says what it has become. An update
that leaves promote out (`--target`, `--exclude`) has moved nothing, so it declares nothing new either. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import Problem, UserError
from core.listener_rules import shares
from core.names import other_color
from core.shift_schedule import short_name
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def production_weights(
    plan: RolloutPlan, live: LiveState, declared: Mapping[str, str], reported: Mapping[str, int], *, left_out: bool
) -> dict[str, int]:
    """Percent of production by target group (ARN).

    `declared`: the target groups of this update by color, the active one first. `reported`: what promote says.
    `left_out`: promote was to run in this update, and was left out of it: then the rule keeps what AWS has in it, also
    of groups that are to go, and also what a hand has set.

    Raises `UserError` when what the update is to end with is not what promote has reported: a target group was
    replaced behind it, and nobody has proven that one.
    """
    said = (left_out and shares({group.target_group: group.weight for group in live.groups})) or reported
    found = {arn: said.get(arn, 0) for arn in declared.values()}
    rest = {arn: share for arn, share in said.items() if share and arn not in found}
    wanted = {arn: plan.weights.get(color, 0) for color, arn in declared.items()}
    if not left_out and (rest or found != wanted):
        raise UserError(_why(plan, live, declared, reported))
    if not any((*found.values(), *rest.values())):
        raise UserError(
            Problem(
                "PHX-209",
                "what promote reported about production is lost from the state; production stays as it is.",
                "pulumi up   (without --target and --exclude: promote looks again)",
            )
        )
    return {**found, **rest}


def weights_by_color(found: Mapping[str, int], live: LiveState, declared: Mapping[str, str]) -> dict[str, int]:
    """Percent of production by color."""
    names = {
        **{group.target_group: group.color for group in live.groups},
        **{arn: color for color, arn in declared.items()},
    }
    return {names.get(arn, short_name(arn)): share for arn, share in found.items()}


def _why(plan: RolloutPlan, live: LiveState, declared: Mapping[str, str], reported: Mapping[str, int]) -> Problem:
    flip = (
        f"pulumi config set active {other_color(plan.active.color)} && pulumi up"
        "   (a group is launched, verified and takes production over)"
    )
    for color, arn in declared.items():
        existing = live.group(color)
        if plan.weights.get(color) and arn not in reported and existing and existing.target_group != arn:
            return Problem(
                "PHX-207",
                f"{color}'s target group was replaced by {arn}, although nothing that makes a server changed."
                f" Production stays on {existing.target_group}.",
                flip,
            )
    said = ", ".join(f"{short_name(arn)} {share} %" for arn, share in reported.items()) or "nothing"
    planned = ", ".join(f"{short_name(declared[color])} {share} %" for color, share in plan.weights.items())
    return Problem(
        "PHX-208",
        f"promote reports {said}, but this update is to end with {planned}; production stays as promote left it.",
        flip,
    )
