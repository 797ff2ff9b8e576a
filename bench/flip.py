"""The program's own share of a flip: everything but bake, boot, drain and the provider's own work and waits.

    python -m bench.flip [--rounds 3]

An update that bakes, bears two servers, verifies, promotes and deletes the previous group, on the local cloud with
servers that are processes and under 50 requests a second. The pauses that the settings ask for (canary, settle, soak,
drain) are set to 0. Each instant of the update belongs to the first of these that it lies
in: bake (the step), boot (from the group's creation to its last healthy server), provider (operations on AWS resources;
deleting a group ends its servers), and else to Phoenix: the program itself, and its steps when they don't wait for
one of the others. The floor is what is not Phoenix's.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench import goals
from bench.printed import table, times
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Operation, Result
from rehearsal.scenario.load import Load
from rehearsal.scenario.local import engine_for, free_port
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.state.journal import Event

SETTINGS = {"canarySteps": [], "canaryPauseSeconds": 0, "settleSeconds": 0, "soakSeconds": 0, "drainSeconds": 0}
OTHERS = ("bake", "boot", "provider")
RATE = 50


@dataclass(frozen=True)
class Span:
    """Seconds since the update began."""

    begin: float
    end: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.flip", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="flips, of which the median counts")
    rounds = parser.parse_args().rounds
    found = flips(rounds)
    parts = {name: statistics.median(one[name] for one in found) for name in found[0]}
    theirs = sum(parts[name] for name in OTHERS)
    table(
        f"a flip, by what its seconds are spent on (median of {rounds})",
        ["part", "seconds", "share"],
        [[name, seconds, f"{seconds / sum(parts.values()):.0%}"] for name, seconds in parts.items()],
    )
    goals.note("flip", sum(seconds for name, seconds in parts.items() if name not in OTHERS))
    table(
        "a flip beside what is not Phoenix's",
        ["floor s", "flip s", "ratio"],
        [[theirs, sum(parts.values()), times(sum(parts.values()), theirs)]],
    )
    return 0


def flips(rounds: int) -> list[dict[str, float]]:
    """Flips to and fro on one stack, each with an image of its own. Raises SystemExit when one fails."""
    with tempfile.TemporaryDirectory() as folder, Cloud(Path(folder) / "cloud") as cloud:
        shop, port = ProjectCopy(Path(folder) / "project"), free_port()
        engine = engine_for(shop.folder, Path(folder), cloud, {**SETTINGS, "listenerPort": port}, stand_in=True)
        shop.commit("Configure the stack")
        if not (done := engine.up()).ok:
            raise SystemExit(done.text[-3000:])
        found = []
        with Load(url=f"http://127.0.0.1:{port}/", rate=RATE, out=Path(folder) / "load.jsonl") as load:
            for number in range(rounds):
                script = shop.folder / "image" / "provision" / "40-bench.sh"
                script.write_text(f"#!/bin/sh\n: {secrets.token_hex()}\n")
                engine.config_set("active", "green" if number % 2 == 0 else "blue")
                shop.commit("A change")
                begun = time.time()
                if not (done := engine.up()).ok:
                    raise SystemExit(done.text[-3000:])
                found.append(parted(done, cloud.events, begun=begun, ended=time.time()))
        failed = sum(request.failed for request in load.requests())
        print(f"\n  {len(load.requests())} requests during {rounds} flips, {failed} failed")
        return found


def parted(done: Result, events: Sequence[Event], *, begun: float, ended: float) -> dict[str, float]:
    """Seconds of each part of an update; `begun` and `ended` in seconds since the epoch."""
    steps = [one for one in done.operations if one.type == "command:local:Command"]
    spans = {
        "bake": [_span(one) for one in steps if one.name.endswith("-bake")],
        "boot": [_boot(done, events, begun)],
        "provider": [_span(one) for one in done.operations if one.type.startswith("aws:")],
        **{
            name: [_span(one) for one in steps if one.name.endswith(f"-{name}")]
            for name in ("verify", "promote", "prune", "retire")
        },
    }
    return divided(spans, whole=ended - begun, rest="program and engine")


def divided(spans: dict[str, list[Span]], *, whole: float, rest: str) -> dict[str, float]:
    """The `whole` in seconds, each instant given to the first of the spans that it lies in, else to the `rest`."""
    edges = sorted(
        {
            0.0,
            whole,
            *(min(max(edge, 0.0), whole) for found in spans.values() for one in found for edge in (one.begin, one.end)),
        }
    )
    parts = dict.fromkeys([*spans, rest], 0.0)
    for begin, end in pairwise(edges):
        owner = next(
            (name for name, found in spans.items() if any(one.begin <= begin and end <= one.end for one in found)), rest
        )
        parts[owner] += end - begin
    return parts


def _span(one: Operation) -> Span:
    return Span(one.started, one.ended)


def _boot(done: Result, events: Sequence[Event], begun: float) -> Span:
    """From the creation of the group to the last time that a server of it was found healthy for the first time."""
    [born] = [
        one for one in done.operations if one.type == "aws:autoscaling/group:Group" and one.op.startswith("create")
    ]
    first: dict[str, float] = {}
    for event in events:
        if event.kind == "health" and event.text.startswith("healthy") and event.t > begun:
            first.setdefault(event.subject, event.t - begun)
    return Span(born.started, max(first.values()))


if __name__ == "__main__":
    sys.exit(main())
