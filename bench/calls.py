"""What a plan and the steps of an update ask of AWS, and what that costs, by the number of servers, and in a crowd.

    python -m bench.calls [--servers 2 100 1000]

The last column is the same in a crowded account (bench/crowd.py): 200 images of the service, 5,000 launch templates of
others, a load balancer with 100 rules. Every step is run as the program runs it, on two groups of the local cloud whose
servers are all healthy: counted is what a step asks when it need not wait (a wait asks the same again every few
seconds). The floor of the calls is the group of two: AWS answers for a thousand servers in as many calls, but for
pages. The floor of the memory is a Python that imports boto3; what a step has beyond it is mostly EC2's model, the
largest of AWS's (25 MiB, of which botocore makes its client).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import crowd
from bench.fleet import Fleet, fleet
from bench.printed import Cost, mib, ran, table, times
from rehearsal import PROJECT
from rehearsal.cloud.calls import OBSERVER_KEY
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine.config import environment

CROWDED = "crowd"
PLAN = "plan"
# In an update's order, each with the color that it is about.
STEPS = (("bake", "green"), ("verify", "green"), ("promote", "green"), ("retire", "blue"), ("prune", "green"))
FLOOR = "import boto3"


class Asked:
    """What a step asked: how often each call was made, and what the process cost."""

    def __init__(self, calls: Counter[str], cost: Cost) -> None:
        self.calls, self.cost = calls, cost


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, nargs="+", default=[2, 100, 1000], help="of each group")
    sizes = parser.parse_args().servers
    found = {str(servers): measured(servers) for servers in sizes}
    found[CROWDED] = measured(sizes[-1], crowded=True)
    least, most = str(sizes[0]), CROWDED
    work = (PLAN, *(step for step, _ in STEPS))
    table(
        f"calls of AWS's API, by servers of each group; {CROWDED}: {sizes[-1]} in a crowded account",
        ["step", *found, f"{most} : {least}"],
        [
            [
                step,
                *(found[size][step].calls.total() for size in found),
                times(found[most][step].calls.total(), found[least][step].calls.total()),
            ]
            for step in work
        ],
    )
    for step in work:
        for call, count in (found[most][step].calls - found[least][step].calls).items():
            print(f"  {step}: {count} more of {call} in the crowd than for {least} servers")
    table(
        "seconds of processor, and of wall clock, of a step that need not wait",
        ["step", *(f"{size} {what}" for size in found for what in ("CPU", "wall"))],
        [
            [
                step,
                *(seconds for size in found for cost in [found[size][step].cost] for seconds in (cost.cpu, cost.wall)),
            ]
            for step in work
        ],
    )
    floor = ran([sys.executable, "-c", FLOOR], folder=PROJECT, environment=environment({})).memory
    table(
        f"memory: the largest process of a step, beside {mib(floor)} of a Python that imports boto3",
        ["step", *found, f"{most} : floor"],
        [
            [step, *(mib(found[size][step].cost.memory) for size in found), times(found[most][step].cost.memory, floor)]
            for step in work
        ],
    )
    return 0


def measured(servers: int, *, crowded: bool = False) -> dict[str, Asked]:
    """A plan's reads and each step once, on a cloud of its own."""
    with tempfile.TemporaryDirectory() as folder, fleet(Path(folder) / "cloud", servers=servers) as there:
        if crowded:
            crowd.fill(there)
        plan = {PLAN: _asked(there, [sys.executable, "-m", "bench.plan_reads", *there.of_plan()], "green")}
        return plan | {step: _asked(there, ["sh", "steps/run", step], color) for step, color in STEPS}


def _asked(there: Fleet, command: list[str], color: str) -> Asked:
    before = len(there.cloud.calls.seen)
    cost = ran(command, folder=PROJECT, environment={**environment(there.cloud.environment), **there.options(color)})
    return Asked(counted(there.cloud, before), cost)


def counted(cloud: Cloud, since: int) -> Counter[str]:
    """How often each call was made, onlookers left out; `since` how many had been seen."""
    return Counter(call.name for call in cloud.calls.seen[since:] if call.access_key != OBSERVER_KEY)


if __name__ == "__main__":
    sys.exit(main())
