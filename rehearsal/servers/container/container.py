"""A container: one command with mounts, processes and (where wanted) its own network, which ends with this process.

The host gets no mount, route, address or bridge from it. Namespaces end with the last process in them, and the kernel
kills those when the container's first process ends (pid_namespaces(7)); that one ends when this process does
(`container_init`). What a kill -9 leaves are files and empty cgroups (`rehearsal.servers.runs`).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rehearsal.servers.container.container_init import READY, STOP

_KEEPER = Path(__file__).with_name("container_init.py")


class ContainerError(Exception):
    """The container could not be made; the text is what the kernel or a tool said."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """`lower` are the read-only layers, the newest first; `upper` gets what is written; `merged` is where both show."""

    lower: Sequence[str]
    upper: str
    work: str
    merged: str
    command: Sequence[str]
    console: str
    """A file that the command's output is appended to."""
    network: bool
    """True: a network of its own, with nothing in it but a loopback."""
    joins_network: bool = False
    """True: the command makes a network for its child, and that is the container's."""
    first_user: int = 0
    """This host's number of who is root in there (`idmap`); 0: this host's. `upper` and `work` are in one folder."""
    cgroups: Sequence[str] = ()


class Container:
    """Raises ContainerError when it can't be made. It runs until its command has ended, or `kill`."""

    def __init__(self, spec: Spec) -> None:
        self._merged = spec.merged
        self._process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                *(["--net"] if spec.network else []),
                sys.executable,
                "-I",
                "-S",
                str(_KEEPER),
                json.dumps(asdict(spec)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is the rehearsal's to handle
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != READY:
            said = self._process.communicate()[1].decode(errors="replace").strip()
            raise ContainerError(said.splitlines()[-1] if said else "the container ended at once")

    @property
    def network(self) -> str:
        """The file of its network namespace, for setns."""
        return f"/proc/{self._descendant(1)}/ns/net"

    @property
    def init(self) -> str:
        """The first process of the machine that its command (systemd-nspawn) runs, as this host counts it.

        Raises IndexError and OSError when there is none yet, or none any more.
        """
        return self._descendant(3)

    def _descendant(self, generation: int) -> str:
        """From `unshare`: the container's first process, its command, and what that runs."""
        pid = str(self._process.pid)
        for _ in range(generation):
            pid = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[-1]
        return pid

    @property
    def root(self) -> Path:
        """Its file system as it is inside, seen from here, while it runs."""
        return Path(f"/proc/{self._process.pid}/root{self._merged}")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, timeout: float | None = None) -> int:
        """The command's exit code. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(timeout)
        self._close()
        return code

    def request_stop(self) -> None:
        """A machine shuts down in order; see `ended`."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(STOP)
            self._process.stdin.flush()

    def kill(self) -> None:
        """Ends everything in it now, and waits until that is gone."""
        self._close()
        self._process.wait()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


def empty_folder(group: Path, *, seconds: float = 5.0) -> None:
    """Removes a cgroup and those below it; the kernel needs a moment after the last process has ended."""
    limit = time.monotonic() + seconds
    while group.exists():
        with contextlib.suppress(OSError):
            for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                folder.rmdir()
            group.rmdir()
        if time.monotonic() > limit:
            return
        time.sleep(0.02)
