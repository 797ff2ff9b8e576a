"""The first process of a container (`container`): it sets the container up, runs its command, and ends it.

Run as PID 1 of a PID namespace, with a mount namespace of its own, as `python -I -S container_init.py SPEC` (JSON).
When it ends, the kernel kills every process of the container; with the last of them mounts and network are gone. It
ends with its command, and at once when its standard input does: so nothing outlives whoever holds the other end, not
even kill -9.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[3]))  # -I leaves it out
from rehearsal.servers.container import idmap

STOP = b"stop\n"
READY = b"ready\n"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def main(arguments: list[str]) -> int:
    spec: dict[str, Any] = json.loads(arguments[0])
    for group in spec["cgroups"]:
        # 0 means the writer, whatever its number in its own namespace is.
        Path(group, "cgroup.procs").write_text("0")
    if spec["network"]:
        loopback_up()
    # systemd-nspawn keeps locks and sockets there, which are nobody's business outside the container.
    mount("-t", "tmpfs", "tmpfs", "/run")
    if spec["first_user"]:
        idmap.mount_overlay(overlay(shifted(spec)), spec["merged"], first=spec["first_user"])
    else:
        mount("-t", "overlay", "overlay", "-o", overlay(spec), spec["merged"])
    with Path(spec["console"]).open("ab", buffering=0) as console:
        command = subprocess.Popen(spec["command"], stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    if spec["joins_network"]:
        join_network(command)
        loopback_up()
    os.write(1, READY)
    return follow(command)


def overlay(spec: dict[str, Any]) -> str:
    """Options of the mount. volatile: no machine need survive a power failure, so nobody waits for its disk."""
    return f"lowerdir={':'.join(spec['lower'])},upperdir={spec['upper']},workdir={spec['work']},volatile"


def shifted(spec: dict[str, Any]) -> dict[str, Any]:
    """The same folders, as they look to whoever is in the container's user namespace."""
    place, first = Path("/run/layers"), spec["first_user"]
    lower = [
        idmap.mount_shifted(folder, place / str(number), first=first) for number, folder in enumerate(spec["lower"])
    ]
    # upper and work must be on one mount.
    disk = idmap.mount_shifted(os.path.dirname(spec["upper"]), place / "disk", first=first)  # noqa: PTH120
    return {
        **spec,
        "lower": lower,
        **{name: str(Path(disk, Path(spec[name]).name)) for name in ("upper", "work")},
    }


def join_network(command: subprocess.Popen[bytes]) -> None:
    """Steps into the network that the command makes for its child, so that this process's is the container's.

    Network and settings belong to the child's user namespace then. Raises SystemExit when the command ends before.
    """
    here = os.readlink("/proc/self/ns/net")  # noqa: PTH115
    while command.poll() is None:
        with contextlib.suppress(OSError, IndexError):  # the first child makes the second one, and ends
            child = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()[-1]
            network = Path(f"/proc/{child}/ns/net")
            if os.readlink(network) != here:  # noqa: PTH115
                with network.open("rb") as namespace:
                    idmap.enter(namespace.fileno())
                return
        time.sleep(0.005)
    raise SystemExit(command.returncode)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def follow(command: subprocess.Popen[bytes]) -> int:
    """Until the command has ended, or whoever started the container is gone. As PID 1 it reaps orphans too."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    stopping = False
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 1
            if pid == command.pid:
                return os.waitstatus_to_exitcode(status) & 0xFF
            if pid == 0:
                break
        ready, _, _ = select.select([0, reading], [], [], 0.5 if stopping else None)
        if reading in ready:
            os.read(reading, 4096)
        if 0 in ready:
            said = os.read(0, 4096)
            if not said:
                return 1
            stopping = stopping or STOP in said
        if stopping:
            # Again and again: an init that has not set itself up yet does not hear it.
            power_off(command.pid)


def power_off(nspawn: int) -> None:
    """Asks the init that systemd-nspawn runs to shut down in order (systemd(1), SIGRTMIN+4)."""
    with contextlib.suppress(OSError):  # it has just ended
        for child in Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split():
            os.kill(int(child), signal.SIGRTMIN + 4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
