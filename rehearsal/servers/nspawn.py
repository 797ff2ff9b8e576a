"""Machines that are real operating systems: systemd and all, booted by systemd-nspawn from a disk that Packer baked.

Each has its own disk, processes and network. The network has a loopback and nothing else: what the balancer, Packer
and a log collector say goes through sockets that are made inside it (`rehearsal.servers.network.forwarding`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket as sockets
import subprocess
import threading
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.servers.container import idmap
from rehearsal.servers.container.boot import boot_command
from rehearsal.servers.container.container import Container, ContainerError, Spec, empty_folder
from rehearsal.servers.disks import Disk, Disks, ready_to_mount
from rehearsal.servers.images.base_images import BaseImage
from rehearsal.servers.images.metadata_layer import write_layer
from rehearsal.servers.machines import Address
from rehearsal.servers.metadata_service import AwsEndpoint
from rehearsal.servers.network.agent_bucket import AgentBucket
from rehearsal.servers.network.forwarding import Forwarding
from rehearsal.servers.network.log_collector import LogCollector
from rehearsal.servers.packer import override
from rehearsal.servers.runs import Run

_PAINT = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_LAST_SECONDS = 20.0
"""How long a machine may take to shut down, before its power is cut."""


@dataclass
class _Machine:
    container: Container
    builds: bool
    started_at: Mapping[str, str]
    """What it was started with."""
    cgroups: list[str]
    connections: list[asyncio.Server] = field(default_factory=list)
    asked_to_stop: float | None = None
    delete_disk: bool = False


class NspawnMachines:
    """`base` is the root folder of the vendor's `image`; `archive` is where downloaded packages are kept."""

    def __init__(self, run: Run, *, image: BaseImage, base: Path, archive: Path) -> None:
        self._run = run
        self.images = (image,)
        self._consoles = run.folder / "consoles"
        self._consoles.mkdir()
        self._disks = Disks(run.folder / "disks", {image.id: base})
        self._machines: dict[str, _Machine] = {}
        self._lock = threading.RLock()
        self._wiring = Forwarding(archive, self._builders)
        why_not = idmap.refusal(run.folder)
        self.own_users = not why_not
        """Whether who is root on a machine is nobody on this host: where its kernel can show them disks (`idmap`)."""
        self.kind = "real operating systems (systemd-nspawn)"
        if why_not:
            self.kind += f" whose root is this host's: it can't show them disks with users of their own ({why_not})"

    @property
    def environment(self) -> Mapping[str, str]:
        """Leads Packer to the build machine: what stands first on PATH adds to its template (`override`)."""
        return {
            "PATH": os.pathsep.join([str(override.OVERRIDE_FOLDER), os.environ["PATH"]]),
            override.SSH_PORT: str(self._wiring.ssh_port),
        }

    def connect(self, aws: AwsEndpoint) -> None:
        self._wiring.connect(aws)

    def start(self, *, instance_id: str, image_id: str, user_data: str, public_key: str = "") -> None:
        with self._lock:
            if instance_id in self._machines:
                return
            try:
                disk = self._disks.of(instance_id, image_id)
            except KeyError:
                self._say(instance_id, f"no disk for {image_id} in this cloud: it can't boot")
                return
            builds = image_id == self.images[0].id
            metadata = write_layer(
                disk.folder / "metadata",
                instance_id=instance_id,
                user_data=user_data,
                public_key=public_key,
                builds=builds,
                hosts=self._wiring.hosts,
                trusted=self._wiring.certificate,
                bucket=self.bucket.files,
            )
            cgroups = self._run.cgroups(instance_id)
            try:
                container = Container(self._spec(instance_id, disk, metadata, cgroups))
            except ContainerError as error:
                self._say(instance_id, f"the machine can't boot: {error}")
                return
            born = {"instance_id": instance_id, "image_id": image_id, "user_data": user_data, "public_key": public_key}
            machine = _Machine(container, builds, born, cgroups)
            self._machines[instance_id] = machine
            machine.connections += self._wiring.connect_server(instance_id, container.network, builds=builds)

    def _spec(self, instance_id: str, disk: Disk, metadata: Path, cgroups: list[str]) -> Spec:
        ready_to_mount(disk)
        merged = str(disk.folder / "merged")
        first = self.first_user(instance_id)
        return Spec(
            lower=[str(folder) for folder in (metadata, *disk.layers)],
            upper=str(disk.upper),
            work=str(disk.folder / "work"),
            merged=merged,
            network=False,
            joins_network=True,
            first_user=first,
            cgroups=cgroups,
            console=str(self._console_file(instance_id)),
            command=boot_command(instance_id, merged, first_user=first),
        )

    def stop(self, *, instance_id: str) -> None:
        with self._lock:
            machine = self._machines.get(instance_id)
            if machine is not None and machine.asked_to_stop is None:
                machine.container.request_stop()
                machine.asked_to_stop = time.monotonic()

    def halted(self, *, instance_id: str) -> bool:
        with self._lock:
            return instance_id not in self._machines

    def terminate(self, *, instance_id: str) -> None:
        with self._lock:
            self.stop(instance_id=instance_id)
            if instance_id in self._machines:
                self._machines[instance_id].delete_disk = True
            else:
                self._disks.destroy(instance_id)

    def freeze(self, *, instance_id: str, image_id: str, snapshot_id: str) -> None:
        with self._lock:
            running = self._machines.get(instance_id)
            if running is not None:
                self.stop(instance_id=instance_id)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.container.wait(_LAST_SECONDS)
                self._remove(instance_id)
            self._disks.freeze(instance_id=instance_id, image_id=image_id, snapshot_id=snapshot_id)
            if running is not None:
                self.start(**running.started_at)

    def copy(self, *, source_id: str, image_id: str, snapshot_id: str) -> None:
        with self._lock:
            self._disks.copy(source_id=source_id, image_id=image_id, snapshot_id=snapshot_id)

    def keep(self, snapshots: Set[str]) -> None:
        with self._lock:
            self._disks.keep(snapshots)

    def address(self, *, instance_id: str, port: int) -> Address | None:
        return ("127.0.0.1", port) if instance_id in self._machines else None

    def socket(self, *, instance_id: str) -> sockets.socket:
        machine = self._machines.get(instance_id)
        if machine is None:
            raise ConnectionRefusedError(f"{instance_id} does not run")
        return self._wiring.socket_in(machine.container.network)

    def run(self, instance_id: str, command: str, *, program: str = "") -> subprocess.CompletedProcess[str]:
        """What a shell does with the command on the machine, as root; a `program` on its standard input.

        Raises KeyError when the machine does not run, and IndexError before it has an init.
        """
        enter = ["nsenter", "--all", f"--target={self._machines[instance_id].container.init}"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        return subprocess.run(
            [*enter, *clean, "sh", "-c", command],
            input=program,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def first_user(self, instance_id: str) -> int:
        """This host's number of who is root on the machine."""
        return idmap.first_user(instance_id) if self.own_users else 0

    def network(self, instance_id: str) -> str:
        """The file of a running machine's network namespace. Raises KeyError when it does not run."""
        return self._machines[instance_id].container.network

    @property
    def collector(self) -> LogCollector:
        """What the machines' log collectors forwarded."""
        return self._wiring.collector

    @property
    def bucket(self) -> AgentBucket:
        """Where build machines find the agent of Systems Manager."""
        return self._wiring.bucket

    def console(self, *, instance_id: str) -> str:
        file = self._console_file(instance_id)
        return _PAINT.sub("", file.read_text(errors="replace")) if file.exists() else ""

    def root(self, instance_id: str) -> Path:
        """A running machine's files, seen from outside. Raises KeyError when it does not run."""
        return self._machines[instance_id].container.root

    def cgroups(self, instance_id: str) -> list[str]:
        """Where the machine's processes are listed. Raises KeyError when it does not run."""
        return self._machines[instance_id].cgroups

    def running(self) -> list[str]:
        """Machines that are up, or on their way there or down."""
        return list(self._machines)

    def disks(self) -> list[str]:
        """Machines whose disk is there."""
        return self._disks.names

    def written(self, instance_id: str) -> list[Path]:
        """Folders with what the machine's disk has on top of the vendor's base. Raises KeyError."""
        return self._disks.written(instance_id)

    def tick(self) -> None:
        with self._lock:
            for instance_id, machine in list(self._machines.items()):
                late = machine.asked_to_stop is not None and time.monotonic() - machine.asked_to_stop > _LAST_SECONDS
                if late:
                    self._say(instance_id, f"it did not shut down within {_LAST_SECONDS:.0f} s: its power is cut")
                if late or machine.container.ended:
                    self._remove(instance_id)

    def close(self) -> None:
        with self._lock:
            for instance_id in list(self._machines):
                self._remove(instance_id)
        self._disks.close()
        self._wiring.close()

    def _remove(self, instance_id: str) -> None:
        machine = self._machines.pop(instance_id)
        machine.container.kill()
        self._wiring.disconnect_server(machine.connections)
        for group in machine.cgroups:
            empty_folder(Path(group))
        if machine.delete_disk:
            self._disks.destroy(instance_id)

    def _builders(self) -> list[str]:
        return [machine.container.network for machine in list(self._machines.values()) if machine.builds]

    def _console_file(self, instance_id: str) -> Path:
        return self._consoles / f"{instance_id}.log"

    def _say(self, instance_id: str, line: str) -> None:
        with self._console_file(instance_id).open("a") as console:
            console.write(line + "\n")
