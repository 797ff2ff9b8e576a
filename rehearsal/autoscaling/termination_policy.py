"""Which instances a group gives up when it shrinks: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Candidate:
    id: str
    zone: str
    launched: float
    protected: bool = False
    pending: bool = False


def select_for_termination(candidates: list[Candidate], *, surplus: int) -> list[str]:
    """The ids to terminate, at most `surplus`.

    AWS's default policy in short: never a protected one, from the zone with the most instances, those that never
    entered service first, then the oldest.
    """
    chosen: list[str] = []
    left = list(candidates)
    while len(chosen) < surplus:
        zones = Counter(candidate.zone for candidate in left)
        open_to = [candidate for candidate in left if not candidate.protected]
        if not open_to:
            break
        leaver = min(open_to, key=lambda c: (-zones[c.zone], not c.pending, c.launched))
        chosen.append(leaver.id)
        left.remove(leaver)
    return chosen
