"""What runs below an engine: its steps, and what they run. By `ps`, which every Unix has."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable


def below(pid: int, *, but: str = "") -> list[int]:
    """Every process that descends from this one, itself left out, and those whose command line says `but`."""
    said = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True
    ).stdout
    every = [line.split(maxsplit=2) for line in said.splitlines()]
    parents = {int(child): int(parent) for child, parent, *args in every if not but or but not in "".join(args)}
    found: list[int] = []
    last = [pid]
    while last:
        last = [child for child, parent in parents.items() if parent in last]
        found += last
    return found


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """A signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def kill_everything(pid: int, *, but: str = "") -> None:
    """kill -9 of a process and all below it, at one instant for them: they are stopped first, and can do nothing.

    Processes whose command line says `but` live on. Parents die last: the kernel wakes a stopped process group that
    loses its last parent outside it (POSIX, _exit), and a step that wakes puts production back.
    """
    send(signal.SIGSTOP, [pid])
    stopped: list[int] = []
    while new := [one for one in below(pid, but=but) if one not in stopped]:
        send(signal.SIGSTOP, new)
        stopped += new
    send(signal.SIGKILL, [*reversed(stopped), pid])
