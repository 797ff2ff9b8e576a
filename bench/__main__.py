"""All measurements, one after the other, each in a process of its own: `python -m bench`.

    python -m bench [--only NAME ...] [--write] [--plugin-dir DIR]

`--write` puts what they print into docs/performance.md. What a machine lacks (root, haproxy, terraform) is left out
and said. `bench.detection` is not among them: it takes the provider's ten minutes on AWS's own clock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import goals, written
from rehearsal import PROJECT

MEASUREMENTS = {
    "idle": ["--rounds", "3"],
    "latency": ["--rounds", "3"],
    "flip": [],
    "calls": [],
    "balancer": [],
    "canary": ["--streams", "2000"],
    "capacity": [],
    "replacement": [],
    "rebirth": ["--rounds", "2"],
}


# What the page has of these took nine minutes; here they are a check that nothing has changed.
SHORT = {"canary"}


def main() -> int:
    """0 when all could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS), help="these (default: all)"
    )
    parser.add_argument("--write", action="store_true", help="put what they print into docs/performance.md")
    parser.add_argument("--plugin-dir", default="", help="terraform's -plugin-dir, for bench.replacement")
    given = parser.parse_args()
    begun, broken = time.monotonic(), []
    said: dict[str, str] = {}
    with tempfile.NamedTemporaryFile("r") as notes:
        for name in given.only:
            if name == "rebirth" and not (sys.platform == "linux" and os.geteuid() == 0):
                print("bench.rebirth is left out: real operating systems need root on Linux")
                continue
            more = ["--plugin-dir", given.plugin_dir] if name == "replacement" and given.plugin_dir else []
            print(f"== bench.{name}", flush=True)
            code, text = _run(name, [*MEASUREMENTS[name], *more], notes=notes.name)
            if code:
                broken.append(name)
            elif text.strip() and name not in SHORT:
                said[name] = text
        figures = goals.noted(Path(notes.name))
    if given.write:
        written.write(said, figures, day=f"{datetime.now(UTC):%Y-%m-%d}")
    print(f"{time.monotonic() - begun:.0f} s in all" + (f"; failed: {', '.join(broken)}" if broken else ""))
    return int(bool(broken))


def _run(name: str, arguments: Sequence[str], *, notes: str) -> tuple[int, str]:
    """Its exit code, and what it printed, which is shown as it comes."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"bench.{name}", *arguments],
        cwd=PROJECT,
        env={**os.environ, goals.FILE: notes},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    return process.wait(), "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
