"""Real operating systems in tests: whether this host can have them, and a cloud whose machines they are."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.local import MINUTE_SECONDS
from rehearsal.servers import choice, runs
from rehearsal.servers.images import debootstrap
from rehearsal.servers.nspawn import NspawnMachines
from tests.rehearsal.boto3_stack import GENERATION, SECRET, Stack, until
from tests.rehearsal.boto3_stack import user_data as plain_user_data


def why_not() -> str:
    """Why there can be none here; empty when there can. `make test` gets tools and base image."""
    if (
        why := choice.host_problem()
        or _lacking(choice.CONTAINER_PROGRAMS)
        or choice.kernel_problem()
        or _lacking(choice.PACKAGES)
    ):
        return why
    return (
        ""
        if debootstrap.is_cached(debootstrap.base_image_spec())
        else "there is no base image (do: make setup-machines)"
    )


def _lacking(programs: Mapping[str, str]) -> str:
    lacking = choice.missing_programs(programs)
    return f"{', '.join(lacking)} is not installed (do: make setup-machines)" if lacking else ""


def needed() -> list[Any]:
    """Marks for a module of such tests: skipped with the reason."""
    return [
        pytest.mark.thorough,
        pytest.mark.skipif(bool(why := why_not()), reason=why or "-"),
    ]


@contextmanager
def real_cloud(base_image: str = "debian-12") -> Iterator[Cloud]:
    """With the machines of this vendor's image, which is made where it is not there."""
    recipe = debootstrap.base_image_spec(base_image=base_image)
    debootstrap.ensure_cached(recipe, print)
    with runs.Run(runs.disks()) as run:
        machines = choice.make_machines(choice.Choice(why="a test", base_image_spec=recipe), run)
        with Cloud(run.folder / "cloud", machines=machines, boot_seconds=0, minute_seconds=MINUTE_SECONDS) as cloud:
            yield cloud


def metal(cloud: Cloud) -> NspawnMachines:
    assert isinstance(cloud.machines, NspawnMachines)
    return cloud.machines


def changed(cloud: Cloud, image: str, change: str) -> str:
    """An image that differs from another by what a command does on a machine that booted from it."""
    ec2, server = cloud.client("ec2"), launched(cloud, image)
    booted(cloud, server)
    inside(cloud, server, change).check_returncode()
    ec2.stop_instances(InstanceIds=[server])
    until(lambda: state(cloud, server) == "stopped", what="stopped")
    made: str = ec2.create_image(InstanceId=server, Name=f"changed-{server}")["ImageId"]
    ec2.terminate_instances(InstanceIds=[server])
    return made


def launched(cloud: Cloud, image: str, *, user_data: str = "", **settings: Any) -> str:
    """A machine that boots from the image; its id."""
    answer = cloud.client("ec2").run_instances(
        ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, UserData=user_data, **settings
    )
    server = str(answer["Instances"][0]["InstanceId"])
    until(lambda: server in metal(cloud).running(), what="booting")
    return server


def inside(cloud: Cloud, server: str, command: str, *, program: str = "") -> subprocess.CompletedProcess[str]:
    """What a shell does with the command on the machine, as root; a `program` on its standard input."""
    return metal(cloud).run(server, command, program=program)


def booted(cloud: Cloud, server: str) -> None:
    """Waits until the machine's systemd answers."""

    def answers() -> bool:
        with contextlib.suppress(IndexError, OSError):
            return inside(cloud, server, "systemctl is-system-running").stdout.strip() not in ("", "offline")
        return False

    until(answers, what="init")


def state(cloud: Cloud, server: str) -> str:
    found = cloud.client("ec2").describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])


def birth(s: Stack, name: str, image: str, *, data: str = "", **settings: Any) -> subprocess.Popen[str]:
    """A group of one server from the image behind a preview rule, and `verify` at work on it."""
    target_group = s.target_group(f"{name}-targets", interval=5)
    preview = s.rule({target_group: 1}, priority=1, header=SECRET)
    template = s.template(name, image=image, data=data or plain_user_data(), **settings)
    group = s.group(name, template, targets=[target_group])
    asked = {
        "stack": "phoenix/dev",
        "account": s.cloud.account,
        "region": s.cloud.region,
        "color": "green",
        "generation": GENERATION,
        "group": group,
        "target_group": target_group,
        "listener": s.listener,
        "preview_rule": preview,
        "min_size": "1",
        "timeout_seconds": "60",
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PHOENIX_"))}
    environment = {
        **inherited,
        **s.cloud.environment,
        "PHOENIX_PYTHON": sys.executable,
        **{f"PHOENIX_{key.upper()}": value for key, value in asked.items()},
    }
    return subprocess.Popen(
        ["sh", "steps/run", "verify"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
