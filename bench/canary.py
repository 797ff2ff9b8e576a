"""How often a canary goes back for nothing, and how often it sees a rise, in simulated streams of answers.

    python -m bench.canary [--streams 100000] [--seed 1]

Each stream is a canary of 10 % for some whole minutes: in each minute both groups answer, and each answer fails by
itself with its group's chance. Looked at after each minute, as promote does. Beside the test of `core.comparison` (as
promote uses it) stand the fixed thresholds that it had before: back when, of 20 requests or more, more than 1 % fail,
and 1 percentage point more than of the others. The floor is those thresholds; a ratio above 1 in the first table is
how many times as often they go back for nothing. The last table holds what the plan promises (`plan.detection`) against
what the streams show.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.printed import table, times
from core import comparison
from core.comparison import ERRORS, Answers, Minute
from plan.detection import LiveTraffic, least_rise

CANARY = 0.1
# Ten minutes before the traffic moves are known, as promote asks for them.
KNOWN_MINUTES = 10


@dataclass(frozen=True, kw_only=True)
class Case:
    """Requests a second of the service, minutes of canary, and the chance of each group's answers to fail."""

    per_second: float
    minutes: int
    others: float
    ours: float

    @property
    def name(self) -> str:
        return f"{self.per_second:g}/s, {self.minutes} min, {100 * self.others:g} % -> {100 * self.ours:.3g} %"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Shares of streams: sent back by the test, by the thresholds of before, and known to be good by the test."""

    test: float
    fixed: float
    good: float


# Both groups alike; the last is a bad service, of which the new group is no worse.
ALIKE = [
    Case(per_second=rate, minutes=10, others=share, ours=share) for rate in (4, 40) for share in (0.001, 0.01, 0.05)
]
RISES = [
    Case(per_second=rate, minutes=minutes, others=0.001, ours=share)
    for rate, minutes in ((40, 4), (40, 10), (400, 4))
    for share in (0.005, 0.01, 0.02)
]
PROMISED = [(40, 2), (40, 4), (40, 10), (4, 10), (400, 4)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=100_000, help="of each row of the first table (100000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    given = parser.parse_args()
    few = max(100, given.streams // 20)
    print(f"{given.streams} streams in each row of the first table, {few} in the others; seed {given.seed}")
    found = [(case, measure(case, streams=given.streams, seed=given.seed)) for case in ALIKE]
    table(
        "both groups alike: sent back for nothing",
        ["case", "fixed", "test", "fixed / test", "called good"],
        [
            (case.name, _percent(r.fixed), _percent(r.test), _ratio(r, given.streams), _percent(r.good))
            for case, r in found
        ],
    )
    seen = [(case, measure(case, streams=few, seed=given.seed)) for case in RISES]
    table(
        "a rise: seen",
        ["case", "fixed", "test", "test / fixed", "called good"],
        [
            (case.name, _percent(r.fixed), _percent(r.test), times(r.test, r.fixed), _percent(r.good))
            for case, r in seen
        ],
    )
    held = [(case, measure(case, streams=few, seed=given.seed)) for case in promised()]
    table(
        "what the plan says is seen with 95 %",
        ["case", "seen", "seen / promised"],
        [(case.name, _percent(r.test), times(r.test, 0.95)) for case, r in held],
    )
    return 0


def promised(others: float = 0.001) -> Iterator[Case]:
    """The least rises that the plan promises to see."""
    for per_second, minutes in PROMISED:
        each = 60 * per_second
        expected = Minute(Answers(each * CANARY, 0), Answers(each * (1 - CANARY), each * (1 - CANARY) * others))
        rise = least_rise([expected] * minutes, LiveTraffic(per_second=per_second, error_share=others))
        if rise is not None:
            yield Case(per_second=per_second, minutes=minutes, others=others, ours=rise)


def measure(case: Case, *, streams: int, seed: int) -> Rates:
    """What became of so many streams."""
    chance = random.Random(f"{seed} {case}")
    test = fixed = good = 0
    for _ in range(streams):
        before, minutes = draw(chance, case)
        test += evidence(minutes, before) >= comparison.ENOUGH
        fixed += any(exceeds(minutes[: number + 1], before) for number in range(len(minutes)))
        good += any(is_good(minutes[: number + 1], before) for number in range(len(minutes)))
    return Rates(test=test / streams, fixed=fixed / streams, good=good / streams)


def draw(chance: random.Random, case: Case) -> tuple[Answers, list[Minute]]:
    """What the others answered before, and what both answered in each minute."""
    each = round(60 * case.per_second)
    ours = round(each * CANARY)
    before = Answers(KNOWN_MINUTES * each, _failures(chance, KNOWN_MINUTES * each, case.others))
    return before, [
        Minute(
            Answers(ours, _failures(chance, ours, case.ours)),
            Answers(each - ours, _failures(chance, each - ours, case.others)),
        )
        for _ in range(case.minutes)
    ]


def _failures(chance: random.Random, total: int, share: float) -> int:
    """Of so many answers those that fail: by the gaps between failures, which are few."""
    if share >= 1:
        return total
    failed, place, scale = 0, -1, math.log1p(-share)
    while True:
        place += 1 + int(math.log(1 - chance.random()) / scale)
        if place >= total:
            return failed
        failed += 1


def evidence(minutes: Sequence[Minute], before: Answers) -> float:
    return comparison.evidence_of_harm(ERRORS, minutes, before=before)


def is_good(minutes: Sequence[Minute], before: Answers) -> bool:
    """What cuts a pause short."""
    if len(minutes) < 2:
        return False
    return comparison.evidence_of_no_harm(ERRORS, minutes, before=before) >= comparison.GOOD


def exceeds(minutes: Sequence[Minute], before: Answers) -> bool:
    """The fixed thresholds of before, of all minutes together."""
    ours = sum((minute.ours for minute in minutes), Answers())
    others = sum((minute.others for minute in minutes), Answers())
    usual = max(others.share, before.share)
    return ours.total >= 20 and ours.share > 0.01 and ours.share > usual + 0.01


def _ratio(rates: Rates, streams: int) -> str:
    """How many times as often the fixed thresholds go back; at least so many where the test never did."""
    return times(rates.fixed, rates.test) if rates.test else f"> {rates.fixed * streams:.0f} x" if rates.fixed else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


if __name__ == "__main__":
    sys.exit(main())
