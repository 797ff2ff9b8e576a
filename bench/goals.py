"""What is waited for, and how long it may take: figures that measurements note, beside what each is to be.

A measurement calls `note` when it knows one. `python -m bench --write` gives it a file for them, and writes the table
of docs/performance.md from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = "PHOENIX_BENCH_FIGURES"
UNKNOWN = "not measured"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """`name` is what measurements call it. `unit`: x is a ratio, s seconds; empty: a number."""

    name: str
    what: str
    unit: str
    reach: float

    def shown(self, value: float) -> str:
        return f"{value:.2f} {self.unit}" if self.unit else f"{value:g}"


GOALS = tuple(
    Goal(name=name, what=what, unit=unit, reach=reach)
    for name, what, unit, reach in (
        ("preview.stand-in", "preview / floor, the rehearsal's engine", "x", 1.10),
        ("preview.pulumi", "preview / floor, Pulumi", "x", 1.10),
        ("up.stand-in", "update without a change / floor, the rehearsal's engine", "x", 1.10),
        ("up.pulumi", "update without a change / floor, Pulumi", "x", 1.10),
        ("refused.stand-in", "a refused preview, more than the floor's", "s", 0.2),
        ("refused.pulumi", "a refused preview, more than the floor's, Pulumi", "s", 0.2),
        ("far.stand-in", "preview with 80 ms a call, more than the floor's", "s", 0.6),
        ("far.pulumi", "preview with 80 ms a call, more than the floor's, Pulumi", "s", 0.6),
        ("row.stand-in", "calls of AWS that wait for one another, more than the floor's", "", 4),
        ("flip", "our share of a flip, without pauses", "s", 4.0),
        ("bake", "bake / bare installation of the same packages", "x", 1.35),
        ("least", "bake / bare installation, if its scripts did nothing but install", "x", 1.35),
    )
)


def note(name: str, value: float) -> None:
    """Keeps a figure for whoever asked for it. Raises ValueError for one that is no goal's."""
    if name not in {goal.name for goal in GOALS}:
        raise ValueError(f"{name} is no goal")
    if file := os.environ.get(FILE):
        with Path(file).open("a", encoding="utf-8") as notes:
            notes.write(json.dumps({name: value}) + "\n")


def noted(file: Path) -> dict[str, float]:
    """What was noted, by name."""
    return {name: value for line in file.read_text().splitlines() for name, value in json.loads(line).items()}


def rows(figures: Mapping[str, float], taken: str, before: Mapping[str, tuple[str, str]]) -> list[str]:
    """The table's rows, in Markdown. `taken`: the day; `before`: what stands there, and of which day, by goal."""
    found = ["| what | now | taken | to reach |", "|---|---|---|---|"]
    for goal in GOALS:
        now, day = before.get(goal.what, (UNKNOWN, ""))
        if goal.name in figures:
            now, day = goal.shown(figures[goal.name]), taken
        found.append(f"| {goal.what} | {now} | {day} | {goal.shown(goal.reach)} |")
    return found


def parsed(table: str) -> dict[str, tuple[str, str]]:
    """A table of `rows` again: what is now, and the day, by goal. Raises ValueError for a row that is none."""
    found = {}
    for line in table.splitlines()[2:]:
        _, what, now, day, _, _ = (cell.strip() for cell in line.split("|"))
        found[what] = (now, day)
    return found
