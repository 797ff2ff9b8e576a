"""The records of the groups that exist after an update, and the lines that stay of those that left the program.

The state of a stack holds its latest outputs only, and of the backends just Pulumi Cloud exports older ones
(`pulumi stack export --version`, pulumi/pulumi, pkg/cmd/pulumi/stack/stack_export.go). So the lines are tags of the
production rule, which outlives all groups: a rule has at most 50 tags (ELB API reference, AddTags). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.release_record import decode_record, encode_history_line
from plan.readers.live_state import LiveGroup, LiveState
from plan.rollout_plan import RolloutPlan

KEPT = 8


def release_records(
    plan: RolloutPlan,
    live: LiveState,
    fingerprint: str,
    image: Mapping[str, str],
    written: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, Any]]:
    """The records of the groups that exist after an update, by color.

    `image`: what a new group is made from. `written`: what this update and its gates have tagged, by color.
    """
    found = {}
    for color in plan.groups:
        group = live.group(color.color)
        born = color is plan.active and plan.existing is None
        known = (
            {
                "color": color.color,
                "generation": color.generation,
                "fingerprint": fingerprint,
                **{key.replace("_", "-"): value for key, value in image.items()},
            }
            if born or not group
            else group.tags
        )
        found[color.color] = decode_record({**known, **written.get(color.color, {})})
    return found


def leaving_groups(plan: RolloutPlan, live: LiveState) -> list[LiveGroup]:
    """The groups that production knows and that this update deletes, youngest first."""
    stay = {(color.color, color.generation) for color in plan.groups}
    known = (group for group in live.groups if not group.is_taken_over)
    found = [group for group in known if (group.color, group.generation) not in stay]
    return sorted(found, key=lambda group: group.created_at.timestamp() if group.created_at else 0, reverse=True)


def history_lines(plan: RolloutPlan, live: LiveState, written: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The past of a stack after an update, newest first. `written`: what the gates of it have tagged, by color.

    A kept group leaves when its color is launched again: what was written of that color is its successor's then.
    """
    of_those_that_stay = {color.color for color in plan.groups}
    last = {color: tags for color, tags in written.items() if color not in of_those_that_stay}
    gone = [encode_history_line({**group.tags, **last.get(group.color, {})}) for group in leaving_groups(plan, live)]
    return [*gone, *live.history][:KEPT]
