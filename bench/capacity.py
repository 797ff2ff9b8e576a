"""Server-hours of a flip with canaryCapacity full and proportional, side by side.

    python -m bench.capacity [--servers 100] [--steps 5,25,50] [--pause 180] [--soak 180] [--boot 180]

No clock runs: the sizes are those that verify and promote take (`core.server_groups`), the pauses those that they plan
at most (`core.shift_schedule`), and each group of servers that is launched boots for `--boot` seconds, in which the
share that is there goes on being watched. Counted is from the launch of the new group until the previous one may be
deleted. The floor is one group alone for the same time: what a service costs that does not deploy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.printed import table, times
from core.server_groups import servers_for_share, target_size
from core.shift_schedule import watched_seconds


@dataclass(frozen=True, kw_only=True)
class Flip:
    """`servers` of the live group, the canary's `shares`, and seconds of each pause, of the soak and of a boot."""

    servers: int
    shares: Sequence[int]
    pause: int
    soak: int
    boot: int
    minimum: int = 2


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Seconds of the whole flip, and server-hours of the new group and of both."""

    seconds: int
    new: float
    both: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=100, help="of the live group (100)")
    parser.add_argument("--steps", default="5,25,50", help="canarySteps (5,25,50)")
    for name, about in (("pause", "canaryPauseSeconds"), ("soak", "soakSeconds"), ("boot", "what a server boots for")):
        parser.add_argument(f"--{name}", type=int, default=180, help=f"{about} (180)")
    given = parser.parse_args()
    flip = Flip(
        servers=given.servers,
        shares=[int(step) for step in given.steps.split(",")],
        pause=given.pause,
        soak=given.soak,
        boot=given.boot,
    )
    full, proportional = measure(flip, proportional=False), measure(flip, proportional=True)
    table(
        f"{flip.servers} servers, canarySteps {list(flip.shares)}",
        ["canaryCapacity", "minutes", "server-hours, new group", "both groups", "one group alone", "both / alone"],
        [
            (name, one.seconds / 60, one.new, one.both, one.both - one.new, times(one.both, one.both - one.new))
            for name, one in (("full", full), ("proportional", proportional))
        ],
    )
    print(f"  the new group, proportional / full: {times(proportional.new, full.new)}")
    return 0


def measure(flip: Flip, *, proportional: bool) -> Taken:
    """What a flip takes that goes well."""
    seconds, new = 0, 0.0
    have = 0
    for share in (*flip.shares, 100):
        live = servers_for_share(flip.servers, share) if proportional else flip.servers
        wanted = target_size(minimum=flip.minimum, live=live, maximum=flip.servers)
        asked = flip.soak if share == 100 else flip.pause
        # EC2 charges for a server from its start, so those that boot count.
        spans = [flip.boot if wanted > have else 0, watched_seconds(asked, metrics_too=True)[1]]
        seconds += sum(spans)
        new += wanted * sum(spans)
        have = wanted
    return Taken(seconds=seconds, new=new / 3600, both=(new + flip.servers * seconds) / 3600)


if __name__ == "__main__":
    sys.exit(main())
