"""`preview`, and an update without a change, beside the smallest program with the same AWS resources.

    python -m bench.idle [--rounds 5] [--engine stand-in|pulumi]

The floor is bench/floor: the same resources, declared one after the other with pulumi_aws; it looks at nothing before
that. Both are taken in turn, on the engine of the rehearsal (which runs the program in its own process, so that its own
work is in both alike) and, where `pulumi` is on PATH, on the real one. Where the difference goes is told by cProfile,
in seconds of a run that this makes slower; what threads do beside it is not in it.
"""

from __future__ import annotations

import argparse
import pstats
import shutil
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from bench import goals
from bench.calls import counted
from bench.printed import Cost, in_turn, median, mib, ran, table, times
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine, choose
from rehearsal.scenario.local import engine_for, environment, free_port
from rehearsal.scenario.project_copy import ProjectCopy

FLOOR = Path(__file__).resolve().parent / "floor"
QUICK = {"canarySteps": [], "canaryPauseSeconds": 0, "settleSeconds": 0, "soakSeconds": 0, "drainSeconds": 1}
MODULES = "pulumi_aws with the modules of these resources"
IMPORTS = {  # pulumi_aws loads a module when it is first asked for something of it
    "python": "pass",
    "boto3": "import boto3",
    "pulumi": "import pulumi",
    MODULES: "\n".join(
        [
            "import pulumi_aws as aws",
            *(
                f"aws.{one}"
                for one in (
                    "ec2.Vpc",
                    "vpc.SecurityGroupIngressRule",
                    "lb.Listener",
                    "iam.Role",
                    "autoscaling.Group",
                    "cloudwatch.Dashboard",
                )
            ),
        ]
    ),
}
OPERATIONS = ("preview", "up")
REFUSED = "a refused preview"
# Of a profile: what a row is called, and the function whose time it is, all that it calls included.
PARTS = {
    "importing modules": ("importlib._bootstrap", "_find_and_load"),
    "making AWS clients": ("botocore/session.py", "create_client"),
    "waiting for AWS's answers": ("concurrent/futures/_base.py", "result"),
    "declaring resources": ("pulumi/resource.py", "__init__"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--engine", choices=("stand-in", "pulumi"), help="one of them (default: both)")
    given = parser.parse_args()
    rounds, there = given.rounds, shutil.which("pulumi") is not None
    bare = imports(rounds)
    for stand_in in [given.engine == "stand-in"] if given.engine else [True, False] if there else [True]:
        with tempfile.TemporaryDirectory() as folder, Cloud(Path(folder) / "cloud", time_scale=0.1) as cloud:
            ours, floor = born(cloud, Path(folder), stand_in=stand_in)
            compared(rounds, cloud, ours, floor, bare, Path(folder) / "project" / "Pulumi.local.yaml")
            if stand_in:
                where(ours, floor, Path(folder) / "profile")
    if not there:
        print("  `pulumi` is not on PATH: only the rehearsal's engine was measured\n")
    return 0


def imports(rounds: int) -> int:
    """What a program costs that only imports. Returns the memory of one that imports as much as these."""
    taken = in_turn(
        rounds,
        {
            name: partial(ran, [sys.executable, "-c", text], folder=PROJECT, environment={})
            for name, text in IMPORTS.items()
        },
    )
    table(
        "a Python that imports, and ends",
        ["import", "wall s", "CPU s", "memory"],
        [[name, (cost := median(costs)).wall, cost.cpu, mib(cost.memory)] for name, costs in taken.items()],
    )
    return median(taken[MODULES]).memory


def born(cloud: Cloud, folder: Path, *, stand_in: bool) -> tuple[Engine, Engine]:
    """A stack of Phoenix and one of the floor, both updated once. Raises SystemExit when they don't make the same."""
    shop = ProjectCopy(folder / "project")
    (shop.folder / ".venv").symlink_to(sys.prefix)  # that Pulumi.yaml names
    ours = engine_for(shop.folder, folder, cloud, {**QUICK, "listenerPort": free_port()}, stand_in=stand_in)
    shop.commit("Configure the stack")
    _up(ours)
    plain = Path(shutil.copytree(FLOOR, folder / "floor"))
    (plain / "Pulumi.local.yaml").write_text((shop.folder / "Pulumi.local.yaml").read_text().partition("config:")[0])
    image = ours.outputs()["live"]["image"]
    floor = choose(
        plain,
        "local",
        folder / "floor-engine",
        environment(cloud),
        {
            "aws:region": cloud.region,
            "aws:skipCredentialsValidation": True,
            "aws:skipMetadataApiCheck": True,
            "image": image,
            "listenerPort": free_port(),
        },
        secrets={"token": "s3cret-token"},
        stand_in=stand_in,
    )
    _up(floor)
    if made(ours) != made(floor):
        more, less = made(ours) - made(floor), made(floor) - made(ours)
        raise SystemExit(f"bench/floor has other resources than the program: it lacks {more}, and has {less}")
    return ours, floor


def made(engine: Engine) -> Counter[str]:
    """The AWS resources of a stack, by type."""
    return Counter(one.type for one in engine.resources() if one.type.startswith("aws:"))


def _up(engine: Engine) -> None:
    done = engine.up()
    if not done.ok:
        raise SystemExit(done.text[-3000:])


def compared(rounds: int, cloud: Cloud, ours: Engine, floor: Engine, bare: int, config: Path) -> None:
    """Both operations of both programs, in turn. `bare`: memory of the imports alone; `config`: Phoenix's file."""
    calls: dict[str, Counter[str]] = {}

    def once(name: str, engine: Engine, operation: str) -> Cost:
        by, before = engine.invocation(operation), len(cloud.calls.seen)
        cost = ran(by.command, folder=by.folder, environment=by.environment)
        calls[name] = counted(cloud, before)
        return cost

    work = {
        f"{operation} {kind}": partial(once, f"{operation} {kind}", engine, operation)
        for operation in OPERATIONS
        for kind, engine in (("floor", floor), ("ours", ours))
    }
    work[REFUSED] = partial(refused, calls, cloud, ours, config)
    found = {name: median(costs) for name, costs in in_turn(rounds, work).items()}
    rows: list[list[object]] = []
    for operation in OPERATIONS:
        least, own = found[f"{operation} floor"], found[f"{operation} ours"]
        pairs = [(least.wall, own.wall), (least.cpu, own.cpu), (least.memory, own.memory)]
        rows += [
            [f"{operation}, the floor", least.wall, least.cpu, mib(least.memory), calls[f"{operation} floor"].total()],
            [f"{operation}, Phoenix", own.wall, own.cpu, mib(own.memory), calls[f"{operation} ours"].total()],
            ["", *(times(mine, theirs) for theirs, mine in pairs), ""],
        ]
        goals.note(f"{operation}.{ours.name.split()[0]}", own.wall / least.wall)
    least, own = found["preview floor"], found[REFUSED]
    rows += [
        [f"{REFUSED}, Phoenix", own.wall, own.cpu, mib(own.memory), calls[REFUSED].total()],
        ["", *(times(mine, theirs) for theirs, mine in ((least.wall, own.wall), (least.cpu, own.cpu))), "", ""],
    ]
    goals.note(f"refused.{ours.name.split()[0]}", own.wall - least.wall)
    table(
        f"on {ours.name}: {made(ours).total()} AWS resources each; Phoenix has {len(ours.resources())} in all",
        ["without a change", "wall s", "CPU s", "memory", "AWS calls"],
        rows,
    )
    print(f"  memory of Phoenix's preview: {times(found['preview ours'].memory, bare)} that of the imports alone\n")


def refused(calls: dict[str, Counter[str]], cloud: Cloud, engine: Engine, config: Path) -> Cost:
    """A preview with a key that there is not."""
    by, before = engine.invocation("preview"), len(cloud.calls.seen)
    good = config.read_text()
    engine.config_set("minSzie", "3")
    try:
        cost = ran(by.command, folder=by.folder, environment=by.environment, refused="the nearest is minSize")
    finally:
        config.write_text(good)
    calls[REFUSED] = counted(cloud, before)
    return cost


def where(ours: Engine, floor: Engine, file: Path) -> None:
    """A preview of each under cProfile, by the parts in which they differ."""
    runs = in_turn(2, {engine: partial(profiled, engine, file) for engine in (floor, ours)})
    taken = [[min(seconds) for seconds in zip(*found, strict=True)] for found in runs.values()]
    table(
        "where a preview's time goes, under cProfile",
        ["seconds", "the floor", "Phoenix", "more"],
        [[part, least, own, own - least] for part, least, own in zip(["all", *PARTS], *taken, strict=True)],
    )


def profiled(engine: Engine, file: Path) -> list[float]:
    """Seconds of all of it, and of each part."""
    by = engine.invocation("preview")
    python, *rest = by.command
    ran([python, "-m", "cProfile", "-o", str(file), *rest], folder=by.folder, environment=by.environment)
    found: Any = pstats.Stats(str(file))  # typeshed does not know what it holds
    return [
        found.total_tt,
        *(
            max(
                (
                    figures[3]
                    for (source, _, name), figures in found.stats.items()
                    if name == function and place in source
                ),
                default=0.0,
            )
            for place, function in PARTS.values()
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
