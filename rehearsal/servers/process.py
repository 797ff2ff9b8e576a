"""Machines that are processes of this one: quick, and the same on every system that Python runs on.

What is rehearsed is the path of a change, not the image's scripts: every image holds the same stand-in for the app
(`rehearsal.servers.server`), and a vendor's base image holds none.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket as sockets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rehearsal.servers.images import base_images
from rehearsal.servers.machines import Address
from rehearsal.servers.metadata_service import AwsEndpoint
from rehearsal.servers.server import server_env

_SERVER = Path(__file__).with_name("server.py")
_STAND_INS = Path(__file__).resolve().parent / "packer" / "stand_in_bin"
_LAST_SECONDS = 8.0
"""How long a machine may take to end after SIGTERM: its requests in flight first, then SIGKILL."""


@dataclass
class _Machine:
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    serves: int | None
    """The port that its server.env says, as the instance sees it."""
    port: int
    """The port of this machine's loopback that stands for it."""
    asked_to_end: float | None = None


class ProcessMachines:
    """`faults` maps an image id (or "*" for all) to a PHOENIX_FAULT that its machines get on top of their own.

    `spared` says of which instances it is not so.
    """

    kind = "processes"
    images = base_images.IMAGES

    def __init__(self, workdir: Path) -> None:
        self._consoles = workdir / "consoles"
        self._consoles.mkdir(parents=True, exist_ok=True)
        self._machines: dict[str, _Machine] = {}
        self._ending: list[_Machine] = []
        self._lock = threading.Lock()
        self.faults: dict[str, str] = {}
        self.spared: Callable[[str], bool] = lambda instance_id: False

    @property
    def environment(self) -> Mapping[str, str]:
        """The stand-in for Packer comes first: the real one would wait for an SSH server that no process has."""
        return {"PATH": os.pathsep.join([str(_STAND_INS), os.environ["PATH"]])}

    def connect(self, aws: AwsEndpoint) -> None:
        """Nothing: the stand-in for the app asks AWS nothing."""

    def start(self, *, instance_id: str, image_id: str, user_data: str, public_key: str = "") -> None:
        """A process for the instance, when its image holds the app and its user data a server.env."""
        with self._lock:
            self._reap()
            if instance_id in self._machines and self._machines[instance_id].process.poll() is None:
                return
            env, problem = _read(user_data, image_id)
            if problem:
                self._write(instance_id, problem)
                return
            if not self.spared(instance_id):
                user_data = self._with_faults(user_data, image_id)
            self._machines[instance_id] = self._spawn(instance_id, user_data, env)

    def _with_faults(self, user_data: str, image_id: str) -> str:
        fault = " ".join(self.faults[key] for key in ("*", image_id) if key in self.faults)
        if not fault:
            return user_data
        head, _, body = user_data.partition("\n")
        config = json.loads(body)
        for file in config["write_files"]:
            if file["path"] == "/etc/phoenix/server.env":
                already = server_env(user_data).get("PHOENIX_FAULT", "")
                file["content"] += f'\nPHOENIX_FAULT="{already} {fault}"\n'
        return f"{head}\n{json.dumps(config)}"

    def _spawn(self, instance_id: str, user_data: str, env: dict[str, str]) -> _Machine:
        with sockets.socket() as listener:
            # Bound here, so that the address is known at once; it refuses connections until the server listens.
            listener.bind(("127.0.0.1", 0))
            log = self._console_file(instance_id).open("ab", buffering=0)
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(_SERVER),
                    "--instance",
                    instance_id,
                    "--socket",
                    str(listener.fileno()),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # a Ctrl-C in the terminal is the cloud's to handle
            )
            port = int(listener.getsockname()[1])
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(user_data).encode() + b"\n")
            process.stdin.flush()
        return _Machine(process=process, log=log, serves=int(env.get("PHOENIX_PORT", "0")), port=port)

    def stop(self, *, instance_id: str) -> None:
        with self._lock:
            machine = self._machines.pop(instance_id, None)
            if machine is not None:
                machine.process.terminate()
                machine.asked_to_end = time.monotonic()
                self._ending.append(machine)
            self._reap()

    def halted(self, *, instance_id: str) -> bool:
        """At once: there is no disk that it could still write to."""
        return instance_id not in self._machines

    def freeze(self, *, instance_id: str, image_id: str, snapshot_id: str) -> None:
        """Nothing: every image holds the same."""

    def copy(self, *, source_id: str, image_id: str, snapshot_id: str) -> None:
        """Nothing: every image holds the same."""

    def keep(self, snapshots: Set[str]) -> None:
        """Nothing: there are no disks."""

    def terminate(self, *, instance_id: str) -> None:
        self.stop(instance_id=instance_id)

    def kill(self, *, instance_id: str) -> None:
        """The machine's server ends at once, as by a crash: EC2 still reports the instance as running."""
        with self._lock:
            self._machines[instance_id].process.kill()
            self._machines[instance_id].process.wait()

    def pid(self, *, instance_id: str) -> int | None:
        with self._lock:
            machine = self._machines.get(instance_id)
            return machine.process.pid if machine is not None and machine.process.poll() is None else None

    def address(self, *, instance_id: str, port: int) -> Address | None:
        machine = self._machines.get(instance_id)
        if machine is None or machine.serves != port:
            return None
        return "127.0.0.1", machine.port

    def socket(self, *, instance_id: str) -> sockets.socket:
        return sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)

    def console(self, *, instance_id: str) -> str:
        file = self._console_file(instance_id)
        return file.read_text(errors="replace") if file.exists() else ""

    def close(self) -> None:
        with self._lock:
            for machine in self._machines.values():
                machine.process.kill()
                self._ending.append(machine)
            for machine in self._ending:
                machine.process.kill()
                _close(machine)
            self._machines.clear()
            self._ending.clear()

    def _reap(self) -> None:
        """Collects those that ended, and kills those that were asked to long ago."""
        for machine in list(self._ending):
            if machine.process.poll() is not None:
                _close(machine)
                self._ending.remove(machine)
            elif time.monotonic() - (machine.asked_to_end or 0) > _LAST_SECONDS:
                machine.process.kill()

    def tick(self) -> None:
        with self._lock:
            self._reap()

    def _console_file(self, instance_id: str) -> Path:
        return self._consoles / f"{instance_id}.log"

    def _write(self, instance_id: str, line: str) -> None:
        with self._console_file(instance_id).open("a") as console:
            console.write(line + "\n")


def _read(user_data: str, image_id: str) -> tuple[dict[str, str], str]:
    """server.env, and why no server runs on this machine (empty when one does)."""
    if image_id in {image.id for image in base_images.IMAGES}:
        return {}, f"login: (a vendor's base image, {image_id}: no app in it)"
    try:
        env = server_env(user_data)
    except (ValueError, AttributeError, KeyError) as error:
        return {}, f"cloud-init: user data can't be read: {error}"
    if not env.get("PHOENIX_PORT", "").isdigit():
        return env, "phoenix: /etc/phoenix/server.env names no PHOENIX_PORT; the server does not start"
    return env, ""


def _close(machine: _Machine) -> None:
    machine.process.wait()
    if machine.process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            machine.process.stdin.close()
    machine.log.close()
