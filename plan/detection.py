"""What a canary can see with the traffic that there is, before it begins: the least rise of 5xx that it does not miss.

Pure. bench/canary.py simulates whether it is so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from core import comparison, timing
from core.comparison import ERRORS, Answers, Minute

# Seen with 95 %: failures come with 99 %, and the rest is left to how they fall into minutes (bench/canary.py).
FAILURES_COME_WITH = 0.99
# From so many failures on a binomial is as good as normal.
_MANY = 200


@dataclass(frozen=True, kw_only=True)
class LiveTraffic:
    """Requests a second that production has had in the last hour, and the share of them that ended in a 5xx."""

    per_second: float
    error_share: float


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is known when a step of `share` percent ends: whole minutes so far; a rise to `rise` is seen then.

    `rise` is a share of requests; None: not even errors alone are surely seen.
    """

    share: int
    minutes: int
    rise: float | None


def sights(traffic: LiveTraffic, *, shares: Sequence[int], pause_seconds: int) -> tuple[Sight, ...]:
    """What each canary step adds. The minutes of all of them count together."""
    seen: list[Minute] = []
    found = []
    for share in shares:
        each = 60 * traffic.per_second
        others = Answers(each * (1 - share / 100), each * (1 - share / 100) * traffic.error_share)
        seen += [Minute(Answers(each * share / 100), others)] * whole_minutes(pause_seconds)
        found.append(Sight(share=share, minutes=len(seen), rise=least_rise(seen, traffic)))
    return tuple(found)


def whole_minutes(pause_seconds: int) -> int:
    """How many whole minutes CloudWatch has shown for sure when a pause ends; a pause of 0 waits for none."""
    return 1 + max(0, pause_seconds - timing.LATEST_METRICS_SECONDS) // 60 if pause_seconds else 0


def least_rise(minutes: Sequence[Minute], traffic: LiveTraffic) -> float | None:
    """The least share of failures of ours that is seen with 95 %, when others fail as they do now; None: none is."""
    total = sum(minute.ours.total for minute in minutes)
    before = Answers(600 * traffic.per_second, 600 * traffic.per_second * traffic.error_share)

    def seen(failed: int) -> bool:
        share = failed / total
        spread = [Minute(Answers(one.ours.total, one.ours.total * share), one.others) for one in minutes]
        return comparison.evidence_of_harm(ERRORS, spread, before=before) >= comparison.ENOUGH

    most = math.floor(total)
    if not most or not seen(most):
        return None
    enough = _least(seen, most)
    return _share_that_brings(enough, most)


def _least(holds: Callable[[int], bool], most: int) -> int:
    """The least number from 1 to `most` for which something holds that goes on holding, and holds for `most`."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _share_that_brings(failed: int, total: int) -> float | None:
    """The least share at which so many of `total` fail, or more, nearly always; None when even all may be too few."""
    low, high = failed / total, 1.0
    if _chance_of_fewer(failed, total, high) > 1 - FAILURES_COME_WITH:
        return None
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if _chance_of_fewer(failed, total, middle) <= 1 - FAILURES_COME_WITH else (middle, high)
        )
    return high


def _chance_of_fewer(failed: int, total: int, share: float) -> float:
    """That fewer than `failed` of `total` fail, each with this chance."""
    if share >= 1:
        return 0.0 if failed <= total else 1.0
    if failed > _MANY:
        return NormalDist(total * share, math.sqrt(total * share * (1 - share))).cdf(failed - 0.5)
    log = math.lgamma(total + 1)
    return sum(
        math.exp(
            log
            - math.lgamma(number + 1)
            - math.lgamma(total - number + 1)
            + number * math.log(share)
            + (total - number) * math.log1p(-share)
        )
        for number in range(failed)
    )
