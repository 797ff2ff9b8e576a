"""What an update leaves for whoever asks later: the stack's outputs. They inform; nothing is decided by them."""

from __future__ import annotations

from typing import Any

import pulumi

from components import certificate, past
from components.flight import Flight
from components.image import MachineImage
from components.live import Live
from components.rollout import Rollout


def of(
    *, url: pulumi.Output[str], flight: Flight, standing: Live, fingerprint: str, image: MachineImage,
    rollout: Rollout, after: pulumi.Output[str],
) -> dict[str, pulumi.Output[Any]]:
    """`url`; `live`; `certificates`, of the groups that stand; `past`, of those that died.

    `fingerprint`: of a newborn. `after`: an output of the production rule, on which all but `url` hang: a failed update
    leaves the old ones.
    """
    living = pulumi.Output.from_input({
        "color": flight.active.color, "generation": flight.active.generation, "image": image.id,
        "bakedAt": image.baked_at, "fingerprint": flight.standing.fingerprint if flight.standing else fingerprint,
        "commit": image.commit, "bornAt": rollout.born_at, "packages": image.packages,
        "weights": after.apply(lambda _: dict(flight.weights))})

    def certificates(known: list[Any]) -> dict[str, dict[str, Any]]:
        return certificate.certificates(flight, standing, fingerprint, known[0], known[1])

    return {
        "url": url, "live": living,
        "certificates": pulumi.Output.all(image.said, rollout.certificates, after).apply(certificates),
        "past": pulumi.Output.all(rollout.certificates, after).apply(
            lambda known: [past.entry(line) for line in past.lines(flight, standing, known[0])])}
