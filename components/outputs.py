"""What an update leaves for whoever asks later: the stack's outputs. They inform; nothing is decided by them."""

from __future__ import annotations

from typing import Any

import pulumi

from components.image import MachineImage
from components.rollout import Rollout
from plan import history, releases
from plan.readers.live_state import Live
from plan.rollout_plan import Flight


def of(
    *,
    url: pulumi.Output[str],
    flight: Flight,
    standing: Live,
    fingerprint: str,
    image: MachineImage,
    rollout: Rollout,
    after: pulumi.Output[str],
) -> dict[str, pulumi.Output[Any]]:
    """`url`; `live`; `certificates`, of the groups that stand; `past`, of those that died.

    `fingerprint`: of a newborn. `after`: an output of the production rule, on which all but `url` hang: a failed update
    leaves the old ones.
    """
    living = pulumi.Output.from_input(
        {
            "color": flight.active.color,
            "generation": flight.active.generation,
            "image": image.id,
            "bakedAt": image.baked_at,
            "fingerprint": flight.standing.fingerprint if flight.standing else fingerprint,
            "commit": image.commit,
            "bornAt": rollout.born_at,
            "packages": image.packages,
            "weights": pulumi.Output.all(after, rollout.shares)[1],
        }
    )

    def certificates(known: list[Any]) -> dict[str, dict[str, Any]]:
        return releases.certificates(flight, standing, fingerprint, known[0], known[1])

    return {
        "url": url,
        "live": rollout.left_out.apply(lambda left_out: _stays(standing, rollout) if left_out else living),
        "certificates": pulumi.Output.all(image.said, rollout.certificates, after).apply(certificates),
        "past": pulumi.Output.all(rollout.lines, after).apply(lambda known: [history.entry(line) for line in known[0]]),
    }


def _stays(standing: Live, rollout: Rollout) -> dict[str, Any]:
    """What is live after an update that left promote out: what was live before it."""
    group = standing.leader
    said = (
        {
            "color": group.color,
            "generation": group.generation,
            "image": group.image,
            "bakedAt": group.tags.get("baked-at", ""),
            "fingerprint": group.fingerprint,
            "commit": group.commit,
            "bornAt": f"{group.born_at:%Y-%m-%dT%H:%M:%SZ}" if group.born_at else "",
        }
        if group
        else {}
    )
    return {**said, "weights": rollout.shares}
