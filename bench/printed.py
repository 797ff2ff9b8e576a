"""How measurements are taken and printed: repetitions in turn, medians, and ratios within one run.

A figure of one machine at one moment says little of another's. Two that were taken in turn, under the same load of
whatever else runs there, can be divided; so every table has a column of ratios, and the docstring of its file says what
the floor is.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took with its children: seconds of wall clock and processor, bytes of the largest process."""

    wall: float
    cpu: float
    memory: int


# Run by a small process of its own: what is forked from a large one counts as that large until it is another program
# (ru_maxrss in getrusage(2)), and only the parent of a process is told what it used.
_GAUGE = """
import json, os, subprocess, sys, time
begun = time.monotonic()
process = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], "w") as file:
    json.dump({"wall": time.monotonic() - begun, "cpu": used.ru_utime + used.ru_stime,
               "memory": used.ru_maxrss * 1024}, file)
sys.exit(process.returncode)
"""


def ran(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], refused: str = "") -> Cost:
    """Runs a command to its end. Raises SystemExit with the end of what it said when it fails.

    `refused`: words of the refusal that it must end with instead.
    """
    with tempfile.NamedTemporaryFile("r") as figures:
        gauge = [sys.executable, "-I", "-S", "-c", _GAUGE, figures.name, *command]
        done = subprocess.run(
            gauge,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if bool(done.returncode) is not bool(refused) or refused not in done.stdout:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
        return Cost(**json.load(figures))


def in_turn(rounds: int, work: Mapping[K, Callable[[], T]]) -> dict[K, list[T]]:
    """Each once, not counted, then all of them in turn, `rounds` times."""
    for once in work.values():
        once()
    taken: dict[K, list[T]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, once in work.items():
            taken[name].append(once())
    return taken


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each figure for itself."""
    found = list(costs)
    return Cost(
        wall=statistics.median(cost.wall for cost in found),
        cpu=statistics.median(cost.cpu for cost in found),
        memory=round(statistics.median(cost.memory for cost in found)),
    )


def times(value: float, floor: float) -> str:
    """`1.42 x`; a dash when there is nothing to divide by."""
    return f"{value / floor:.2f} x" if floor else "-"


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout: the first column to the left, the others to the right, floats with two digits."""
    lines = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    print(f"\n{title}\n")
    for number, line in enumerate(lines):
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        print(("  " + "  ".join([line[0].ljust(widths[0]), *rest])).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    print(flush=True)


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
