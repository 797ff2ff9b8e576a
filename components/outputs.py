"""What an update leaves for whoever asks later: the stack's outputs. They inform; nothing is decided by them."""

from __future__ import annotations

from typing import Any

import pulumi

from components.image import MachineImage
from components.rollout import Rollout
from core.release_record import decode_history_line
from core.times import iso
from plan import history
from plan.checks import freeze
from plan.planner import CheckedPlan
from plan.readers.live_state import LiveGroup
from plan.report import take_over_rows
from plan.report.outcome import outcome


def stack_outputs(
    checked: CheckedPlan,
    *,
    url: pulumi.Output[str],
    image: MachineImage,
    rollout: Rollout,
    after: pulumi.Output[str],
) -> dict[str, pulumi.Output[Any]]:
    """`url`; `live`, the group with most of production; `releases`, a record of each group that there is; `history`, a
    line of each that was deleted; `summary`, how the gates of the active group went.

    `after`: an output of the production rule, on which all but `url` hang: a failed update leaves the old ones.
    """
    plan, live, fingerprint = checked.rollout, checked.live, checked.image_source.fingerprint
    shares = pulumi.Output.all(after, rollout.shares)[1]
    active = pulumi.Output.from_input(
        {
            "color": plan.active.color,
            "generation": plan.active.generation,
            "image": image.id,
            "bakedAt": image.baked_at,
            "fingerprint": plan.existing.fingerprint if plan.existing else fingerprint,
            "commit": image.commit,
            "bornAt": rollout.born_at,
            "packages": image.packages,
            "weights": shares,
        }
    )
    other = _existing(live.group(plan.serving), shares)
    living = active if plan.serving == plan.active.color else other

    def releases(known: list[Any]) -> dict[str, dict[str, Any]]:
        by_gates: dict[str, dict[str, str]] = known[1]
        written = {
            color.color: {**freeze.record_tags(color, plan, live, checked.freeze), **by_gates.get(color.color, {})}
            for color in plan.groups
        }
        return history.release_records(plan, live, fingerprint, known[0], written)

    old = checked.existing_balancer.old if checked.existing_balancer else None
    left = take_over_rows.last_line(plan, live, old)
    records = pulumi.Output.all(image.baked, rollout.release_tags, after).apply(releases)
    return {
        "url": url,
        "live": rollout.left_out.apply(
            lambda left_out: _existing(live.majority_group, rollout.shares) if left_out else living
        ),
        "releases": records,
        "summary": records.apply(lambda known: outcome(known[plan.active.color]) + left),
        "history": pulumi.Output.all(rollout.lines, after).apply(
            lambda known: [decode_history_line(line) for line in known[0]]
        ),
    }


def _existing(group: LiveGroup | None, shares: pulumi.Input[Any]) -> dict[str, Any]:
    """What is live when it was live before this update: promote was left out, or most of production stays there."""
    known = (
        {
            "color": group.color,
            "generation": group.generation,
            "image": group.image,
            "bakedAt": group.tags.get("baked-at", ""),
            "fingerprint": group.fingerprint,
            "commit": group.commit,
            "bornAt": iso(group.created_at) if group.created_at else "",
        }
        if group
        else {}
    )
    return {**known, "weights": shares}
