"""A change of the servers under load: Phoenix, and the usual Terraform for it, on the same local cloud.

    python -m bench.replacement [--plugin-dir DIR]

The usual way is one auto-scaling group with `create_before_destroy` and `min_elb_capacity` behind one target group: the
provider waits for that many healthy servers of the new group (10 minutes, its default), then deletes the old one. Both
change a group of two servers under 50 requests a second: to a good image, to one that never answers, and to one that
passes its health check and answers 500 to everything else. The cloud's clock is ten times AWS's own (a boot, health
checks, the provider's limit), and the pauses that Phoenix's settings may ask for are 0: both wait for servers alone.
Seconds are of the whole command; requests are counted for five more. Side by side are the seconds with servers of both
groups in service.

Terraform and its AWS provider have to be there; `--plugin-dir` is where the provider lies when there is no registry.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench import fleet
from bench.flip import SETTINGS
from bench.printed import table, times
from bench.terraform import aws_provider
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.load import Load
from rehearsal.scenario.local import engine_for, free_port
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.report import figures
from rehearsal.scenario.watch import InvariantWatch

CHANGES = {
    "to a good image": "none",
    "to one that never answers": "never-answers",
    "to one that is healthy and fails": "fails-smoke",
}
# By whose tag the watch knows the groups.
STACK, IDENTITY = "bench/terraform", "phoenix/local"
SCALE = 0.1
BOOT, GRACE, INTERVAL, WAIT = 20, 60, 10, 600  # AWS's seconds
SERVERS, RATE = 2, 50
AFTER = 5  # seconds in which users still meet what a command has left


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a change was like: `accepted` says that the command took it for good."""

    accepted: bool
    seconds: float
    requests: int
    failed: int
    coexistence: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.replacement", description=__doc__.splitlines()[0])
    parser.add_argument("--plugin-dir", default="", help="terraform's -plugin-dir")
    given = parser.parse_args()
    if shutil.which("terraform") is None:
        print(
            "terraform is not on PATH, so there is nothing to put Phoenix beside: install it from "
            "https://developer.hashicorp.com/terraform/install"
        )
        return 0
    rows: list[list[object]] = []
    found = {"Terraform": by_terraform(given.plugin_dir), "Phoenix": by_phoenix()}
    for change in CHANGES:
        for name, seen in ((name, taken[change]) for name, taken in found.items()):
            rows.append(
                [
                    f"{change}, {name}",
                    "accepted" if seen.accepted else "refused",
                    seen.seconds,
                    seen.requests,
                    seen.failed,
                    seen.coexistence,
                ]
            )
        rows.append(["", "", times(found["Phoenix"][change].seconds, found["Terraform"][change].seconds), "", "", ""])
    table(
        f"a change of {SERVERS} servers; the cloud's clock is {1 / SCALE:g} times AWS's",
        ["change", "", "seconds", "requests", "failed", "side by side s"],
        rows,
    )
    return 0


def measured(cloud: Cloud, stack: str, port: int, folder: Path, change: Callable[[], bool]) -> Seen:
    """A change under load, and a while after it; `change` returns whether it was accepted."""
    with (
        InvariantWatch(cloud.region, stack) as watch,
        Load(url=f"http://127.0.0.1:{port}/", rate=RATE, out=folder / f"load-{time.monotonic_ns()}.jsonl") as load,
    ):
        time.sleep(1)
        begun = time.time()
        accepted = change()
        ended = time.time()
        time.sleep(AFTER)
    said = figures(load.requests(), watch.samples, begin=begun, end=ended + AFTER)
    return Seen(
        accepted=accepted,
        seconds=ended - begun,
        requests=said.requests,
        failed=said.failed,
        coexistence=said.coexistence_seconds,
    )


def by_phoenix() -> dict[str, Seen]:
    """Each change in turn; `active: auto` flips by itself. Raises SystemExit when the first birth fails."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Cloud(Path(folder) / "cloud", boot_seconds=BOOT, time_scale=SCALE) as cloud,
    ):
        shop, port = ProjectCopy(Path(folder) / "project"), free_port()
        engine = engine_for(
            shop.folder,
            Path(folder),
            cloud,
            {
                **SETTINGS,
                "active": "auto",
                "bootSeconds": GRACE,
                "healthCheckIntervalSeconds": INTERVAL,
                "minSize": SERVERS,
                "verifyTimeoutSeconds": 900,
                "listenerPort": port,
            },
            stand_in=True,
        )
        shop.commit("Configure the stack")
        if not (done := engine.up()).ok:
            raise SystemExit(done.text[-3000:])

        def change(fault: str) -> bool:
            engine.config_set("environment.REHEARSAL_FAULT", fault, path=True)
            engine.config_set("environment.CHANGE", secrets.token_hex(4), path=True)
            shop.commit("A change")
            return engine.up().ok

        return {
            name: measured(cloud, IDENTITY, port, Path(folder), partial(change, fault))
            for name, fault in CHANGES.items()
        }


def by_terraform(plugin_dir: str) -> dict[str, Seen]:
    """Each change in turn. Raises SystemExit when the first apply fails."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Cloud(Path(folder) / "cloud", boot_seconds=BOOT, time_scale=SCALE) as cloud,
    ):
        on, room = fleet.ground(cloud), Path(folder) / "terraform"
        room.mkdir()
        (room / "main.tf.json").write_text(json.dumps(project(cloud, on)))
        surroundings = {
            **{key: value for key, value in os.environ.items() if not re.match("AWS_|TF_", key)},
            **cloud.environment,
        }

        def terraform(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(["terraform", *arguments], cwd=room, env=surroundings, capture_output=True, text=True)

        def apply(fault: str) -> subprocess.CompletedProcess[str]:
            data = fleet.user_data(REHEARSAL_FAULT=fault, PHOENIX_GENERATION=secrets.token_hex(6))
            return terraform("apply", "-no-color", "-auto-approve", f"-var=user_data={data}")

        def change(fault: str) -> bool:
            return not apply(fault).returncode

        for done in (
            terraform("init", "-no-color", *([f"-plugin-dir={plugin_dir}"] if plugin_dir else [])),
            apply("none"),
        ):
            if done.returncode:
                raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
        return {
            name: measured(cloud, STACK, on.port, Path(folder), partial(change, fault))
            for name, fault in CHANGES.items()
        }


def project(cloud: Cloud, on: fleet.Ground) -> dict[str, Any]:
    """A Terraform project: one group that is replaced when its launch template changes."""
    cbd = {"lifecycle": {"create_before_destroy": True}}
    check = {"path": "/health", "interval": INTERVAL, "timeout": 5, "healthy_threshold": 2, "unhealthy_threshold": 2}
    return {
        **aws_provider(cloud.region),
        "variable": {"user_data": {"type": "string"}},
        "resource": {
            "aws_lb_target_group": {
                "app": {
                    "port": 8080,
                    "protocol": "HTTP",
                    "vpc_id": on.vpc,
                    "deregistration_delay": 0,
                    "health_check": check,
                }
            },
            "aws_lb_listener_rule": {
                "app": {
                    "listener_arn": on.listener,
                    "priority": 100,
                    "condition": {"path_pattern": {"values": ["/*"]}},
                    "action": {"type": "forward", "target_group_arn": "${aws_lb_target_group.app.arn}"},
                }
            },
            "aws_launch_template": {
                "app": {
                    "name_prefix": "app-",
                    "image_id": on.image,
                    "instance_type": "t3.small",
                    "user_data": "${var.user_data}",
                    **cbd,
                }
            },
            "aws_autoscaling_group": {
                "app": {
                    # The name changes with the template: that is what replaces the group.
                    "name": "${aws_launch_template.app.name}-${aws_launch_template.app.latest_version}",
                    "min_size": SERVERS,
                    "max_size": 2 * SERVERS,
                    "min_elb_capacity": SERVERS,
                    "wait_for_capacity_timeout": f"{WAIT * SCALE:g}s",
                    "health_check_type": "ELB",
                    "health_check_grace_period": GRACE,
                    "vpc_zone_identifier": on.subnets,
                    "launch_template": {
                        "id": "${aws_launch_template.app.id}",
                        "version": "${aws_launch_template.app.latest_version}",
                    },
                    "tag": [{"key": "phoenix:stack", "value": STACK, "propagate_at_launch": True}],
                    "target_group_arns": ["${aws_lb_target_group.app.arn}"],
                    "depends_on": ["aws_lb_listener_rule.app"],
                    **cbd,
                }
            },
        },
    }


if __name__ == "__main__":
    sys.exit(main())
