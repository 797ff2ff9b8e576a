"""The scenario on the local cloud: its engine, its settings, and a free port for its listener."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine, choose
from rehearsal.scenario import project_copy, timeline
from rehearsal.scenario.backend import LocalBackend
from rehearsal.scenario.console import Console
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.report import Report
from rehearsal.scenario.scenario import Scenario, ScenarioError, plan_block
from rehearsal.servers.images.profiles import base_image
from rehearsal.servers.network.forwarding import LOG_PORT
from rehearsal.servers.nspawn import NspawnMachines

__all__ = [
    "REAL_SERVER_SETTINGS",
    "STACK",
    "ScenarioError",
    "engine_for",
    "environment",
    "free_port",
    "plan_block",
    "run_scenario",
]

STACK = "local"  # with the settings of Pulumi.local.yaml
# CloudWatch's minutes are as much shorter as the settings' pauses are.
MINUTE_SECONDS = 3
# An operating system takes longer than a process, most of all when everything runs on this one machine.
REAL_SERVER_SETTINGS: Mapping[str, Any] = {
    "bootSeconds": 90,
    "verifyTimeoutSeconds": 300,
    # From the distribution's own archive, and forwarded to the rehearsal itself.
    "packerVariables": {"log_collector": "syslog-ng", "log_target": f"127.0.0.1:{LOG_PORT}"},
}


def run_scenario(
    workdir: Path,
    console: Console,
    *,
    cloud: Cloud | None = None,
    rate: float = 200,
    stand_in: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    why: str = "",
    bad_image: bool = False,
    app: Path | None = None,
) -> tuple[Report, timeline.Timeline]:
    """Runs the whole scenario in `workdir` and reports on it, second by second too.

    On an open `cloud`, or one of its own whose machines are processes. `settings` are set on top of those of the local
    stack. `why`: of the engine, when it is not the real one. `bad_image`: a bad one too, until it is detected.
    `app`: the folder of an application in place of the sample. Raises `ScenarioError` when an update fails that must
    not.
    """
    project = ProjectCopy(workdir / "project", app=app)
    with ExitStack() as open_things:
        cloud = cloud or open_things.enter_context(Cloud(workdir / "cloud", minute_seconds=MINUTE_SECONDS))
        real = real_server_settings(cloud.machines) if isinstance(cloud.machines, NspawnMachines) else {}
        backend = LocalBackend(cloud, free_port(), f"phoenix/{STACK}")
        chosen = {"imageDir": project_copy.APP} if app else {}
        all_settings = {**real, **chosen, **(settings or {}), "listenerPort": backend.port}
        engine = engine_for(project.folder, workdir, cloud, all_settings, stand_in=stand_in)
        project.commit("Configure the stack")
        print_versions(console, engine, why)
        console.print(
            f"servers: {'Packer and its scripts make them' if real else 'scripts are named, not run'}; they are "
            f"{cloud.machines.kind}"
        )
        return Scenario(backend=backend, engine=engine, project=project, console=console).run(
            rate=rate, out=workdir / "load.jsonl", bad_image=bad_image
        )


def print_versions(console: Console, engine: Engine, why: str = "") -> None:
    """Says which engine, AWS plugin and Packer run, and `why` when the engine is not the real one."""
    if engine.stand_in:
        console.print(f"engine: {engine.name}, which keeps Pulumi's rules" + (f" ({why})" if why else ""))
    else:
        console.print(f"engine: {engine.name}, AWS plugin: {engine.aws_plugin}")
    console.print(f"Packer: {engine.packer}")


def real_server_settings(machines: NspawnMachines) -> dict[str, Any]:
    """Settings for operating systems, from the one vendor's image that there is."""
    return {**REAL_SERVER_SETTINGS, "baseImage": base_image(machines.images[0])}


def engine_for(
    folder: Path, workdir: Path, cloud: Cloud, settings: Mapping[str, Any], *, stand_in: bool | None = None
) -> Engine:
    """The engine for the project in `folder` on this cloud, with a preview token of its own."""
    return choose(
        folder,
        STACK,
        workdir / "engine",
        environment(cloud),
        settings,
        secrets={"previewToken": secrets.token_urlsafe(24)},
        stand_in=stand_in,
    )


def environment(cloud: Cloud) -> dict[str, str]:
    """What leads the engine, its steps and their Packer to the local cloud."""
    return {**cloud.environment, "PHOENIX_PYTHON": sys.executable}


def is_free(port: int) -> bool:
    """Whether nothing listens on this loopback port."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A loopback port that nothing listens on.

    It is none of those that systems give to whoever connects (Linux: from 32768 on), so nobody takes it by chance
    while the listener it is for does not stand.
    """
    while True:
        if is_free(port := secrets.choice(range(20000, 32768))):
            return port
