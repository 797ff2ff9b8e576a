"""What the scenario needs of a cloud, so that it runs alike on this machine and in a real account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import Engine
from rehearsal.scenario import inside_checks
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.record import LOCAL
from rehearsal.scenario.watch import InvariantWatch
from rehearsal.servers.nspawn import NspawnMachines
from rehearsal.state.journal import Event

BAD_SCRIPT = "70-a-mistake.sh"
BAD = """#!/bin/sh
# A mistake, made on purpose: the application starts where the image is inspected, and on no server that is born of it.
set -eu
folder=/etc/systemd/system/$(cat /etc/phoenix/application).d
mkdir -p "$folder"
printf '[Service]\\nExecStartPre=+/bin/grep -qx PHOENIX_SERVICE=inspection /etc/phoenix/server.env\\n' \\
  >"$folder/mistake.conf"
"""


class Backend(Protocol):
    """A cloud with a stack in it. `cloud`: `record.LOCAL` or `record.AWS`; `account`: empty on a local one.

    `servers` says what they are; `scripts_run`: whether Packer runs the image's scripts. `identity`: SERVICE/STACK.
    """

    @property
    def name(self) -> str:
        """What a run there is called."""

    cloud: str
    region: str
    account: str
    servers: str
    scripts_run: bool
    identity: str

    def client(self, service: str) -> Any:
        """A boto3 client of it."""

    def watch(self) -> InvariantWatch:
        """Samples the invariants while it is open."""

    def url(self, engine: Engine) -> str:
        """Where users ask, once there is something that answers."""

    def events(self, watch: InvariantWatch) -> Sequence[Event]:
        """What happened to servers."""

    def break_image(self, project: ProjectCopy, engine: Engine) -> str:
        """Makes the next servers bad ones: what passes its bake, and never serves. Returns what was changed."""

    def patch_by_hand(self) -> inside_checks.PatchedServers | None:
        """Changes every live server as one should not, where it can be proven later that nothing is left of that."""

    def check_inside(self, old: inside_checks.PatchedServers, url: str) -> tuple[list[str], list[str]]:
        """What did not hold of the new servers, and what did, in words."""


def break_image(project: ProjectCopy, engine: Engine, *, scripts_run: bool) -> str:
    """Makes the next servers bad ones, by a script where Packer runs them. Returns what was changed."""
    if scripts_run:
        return add_bad_script(project)
    # Servers of a cloud that runs no scripts know this word.
    engine.config_set("environment.REHEARSAL_FAULT", "never-answers", path=True)
    return "its servers never answer"


def add_bad_script(project: ProjectCopy) -> str:
    """Adds the script whose image bakes well and never serves. Returns what was changed."""
    file = project.folder / "image" / "provision" / BAD_SCRIPT
    file.write_text(BAD, encoding="utf-8")
    file.chmod(0o755)
    return f"{file.relative_to(project.folder)} is new"


@dataclass
class LocalBackend:
    """The local cloud as a `Place`; the listener's port is one of this machine."""

    local_cloud: Cloud
    port: int
    identity: str
    name: str = "rehearsal"
    cloud: str = LOCAL
    account: str = ""
    region: str = field(init=False)
    servers: str = field(init=False)
    scripts_run: bool = field(init=False)

    def __post_init__(self) -> None:
        self.region, self.servers = self.local_cloud.region, self.local_cloud.machines.kind
        self.scripts_run = self._machines is not None

    @property
    def _machines(self) -> NspawnMachines | None:
        return self.local_cloud.machines if isinstance(self.local_cloud.machines, NspawnMachines) else None

    def client(self, service: str) -> Any:
        return self.local_cloud.client(service)

    def watch(self) -> InvariantWatch:
        return InvariantWatch(self.region, self.identity)

    def url(self, engine: Engine) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def events(self, watch: InvariantWatch) -> Sequence[Event]:
        return self.local_cloud.events

    def break_image(self, project: ProjectCopy, engine: Engine) -> str:
        return break_image(project, engine, scripts_run=self.scripts_run)

    def patch_by_hand(self) -> inside_checks.PatchedServers | None:
        return inside_checks.patch_by_hand(self._machines) if self._machines else None

    def check_inside(self, old: inside_checks.PatchedServers, url: str) -> tuple[list[str], list[str]]:
        machines = self._machines
        assert machines is not None, "only real machines are patched by hand"
        gone = inside_checks.check_replaced(machines, old)
        silent = inside_checks.check_logs_forwarded(machines, url, machines.running())
        said = (
            []
            if gone
            else [
                f"proof: {', '.join(old.servers)} and their disks are gone, and no file of theirs is on"
                f" {', '.join(machines.running())}"
            ]
        )
        if not silent:
            said.append("proof: each new server's log collector forwarded its lines")
        return [f"proof: {text}" for text in (*gone, *silent)], said
