"""`preview`, and an update without a change, when each call of AWS takes as long as from a laptop: 80 ms.

    python -m bench.latency [--rounds 3] [--milliseconds 80] [--engine stand-in|pulumi]

The local cloud answers each call of both programs that much later. So what counts is how many calls wait for one
another, which `bench.idle` can't show: calls that are made side by side wait together. `in a row` is the longest chain
of calls of which each begins after the one before it was answered. It is counted in a run of its own, where a call is
so slow that what the program computes between two of them is nothing beside it. The floor is that of bench.idle.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from bench import goals
from bench.idle import OPERATIONS, born
from bench.printed import Cost, in_turn, median, ran, table
from rehearsal.cloud.calls import OBSERVER_KEY, Call
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine

SLOW_SECONDS = 1.0  # of a call, where they are counted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--milliseconds", type=int, default=80, help="that each call takes")
    parser.add_argument("--engine", choices=("stand-in", "pulumi"), help="one of them (default: both)")
    given = parser.parse_args()
    there = shutil.which("pulumi") is not None
    for stand_in in [given.engine == "stand-in"] if given.engine else [True, False] if there else [True]:
        with tempfile.TemporaryDirectory() as folder, Cloud(Path(folder) / "cloud", time_scale=0.1) as cloud:
            ours, floor = born(cloud, Path(folder), stand_in=stand_in)
            compared(given.rounds, cloud, ours, floor, seconds=given.milliseconds / 1000)
    return 0


def compared(rounds: int, cloud: Cloud, ours: Engine, floor: Engine, *, seconds: float) -> None:
    """Both operations of both programs, in turn, with that delay and without."""
    seen: dict[str, list[Call]] = {}

    def once(name: str, engine: Engine, operation: str, delay: float) -> Cost:
        by, before = engine.invocation(operation), len(cloud.calls.seen)
        with cloud.calls.delaying(delay):
            cost = ran(by.command, folder=by.folder, environment=by.environment)
        seen[name] = [one for one in cloud.calls.seen[before:] if one.access_key != OBSERVER_KEY]
        return cost

    programs = (("the floor", floor), ("Phoenix", ours))
    names = {
        (operation, kind, delay): f"{operation}, {kind}, {delay * 1000:.0f} ms"
        for operation in OPERATIONS
        for kind, _ in programs
        for delay in (0.0, seconds)
    }
    work = {
        name: partial(once, name, dict(programs)[kind], operation, delay)
        for (operation, kind, delay), name in names.items()
    }
    found = {name: median(costs) for name, costs in in_turn(rounds, work).items()}
    rows: list[list[object]] = []
    chains: dict[tuple[str, str], list[Call]] = {}
    for operation in OPERATIONS:
        for kind, _ in programs:
            near, far = names[operation, kind, 0.0], names[operation, kind, seconds]
            least = found[names[operation, "the floor", seconds]].wall
            once(far, dict(programs)[kind], operation, SLOW_SECONDS)
            chain = chains[operation, kind] = in_a_row(seen[far], SLOW_SECONDS)
            rows.append(
                [
                    f"{operation}, {kind}",
                    found[near].wall,
                    found[far].wall,
                    found[far].wall - least,
                    found[far].cpu,
                    len(seen[far]),
                    len(chain),
                ]
            )
    more = found[names["preview", "Phoenix", seconds]].wall - found[names["preview", "the floor", seconds]].wall
    goals.note(f"far.{ours.name.split()[0]}", more)
    table(
        f"on {ours.name}, with {seconds * 1000:.0f} ms for each call",
        ["without a change", "s at 0 ms", "s", "more than the floor", "CPU s", "calls", "in a row"],
        rows,
    )
    for operation in OPERATIONS:
        print(f"  in a row, {operation}: {', '.join(one.operation for one in chains[operation, 'Phoenix'])}")
    print(flush=True)
    if ours.name == "stand-in":
        goals.note("row.stand-in", len(chains["preview", "Phoenix"]) - len(chains["preview", "the floor"]))


def in_a_row(calls: Iterable[Call], seconds: float) -> list[Call]:
    """The longest chain of calls that each began when the one before was answered; `seconds`: what each took."""
    chain: list[Call] = []
    for call in sorted(calls, key=lambda one: one.t):
        if not chain or call.t >= chain[-1].t + seconds:
            chain.append(call)
    return chain


if __name__ == "__main__":
    sys.exit(main())
