"""Proof from inside of real machines: the new ones do what the change was for, and nothing of the old ones is left.

Before the flip every live server is patched by hand, as one should not: a file is put on its disk. After it that file
must be nowhere, nor any other that knows an old server by its name or machine-id.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.servers.nspawn import NspawnMachines

PATCH = "etc/phoenix/patched-by-hand"
ACCESS_LOG = "etc/phoenix/access-log"
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class PatchedServers:
    """Servers before the flip: machine-id by instance id."""

    servers: Mapping[str, str]


def patch_by_hand(machines: NspawnMachines) -> PatchedServers:
    """Changes every running server, and notes who they are."""
    found = {}
    for instance_id in machines.running():
        root = machines.root(instance_id)
        machines.run(instance_id, f"cat >/{PATCH}", program=f"somebody was here: {instance_id}\n").check_returncode()
        found[instance_id] = (root / "etc/machine-id").read_text().strip()
    return PatchedServers(servers=found)


def check_logs_forwarded(machines: NspawnMachines, url: str, servers: Iterable[str]) -> list[str]:
    """Asks until every server's log collector has forwarded what it must; what did not hold.

    That is a line of a request that went to it, where the application says that it logs them; else any line of it.
    """
    mark = f"proof-{secrets.token_hex(8)}"
    waiting = set(servers)

    def asked() -> bool:
        with contextlib.suppress(OSError), _direct().open(f"{url}?{mark}", timeout=10) as answer:
            answer.read()
        for one in list(waiting):
            wanted = mark if (machines.root(one) / ACCESS_LOG).exists() else ""
            if any(wanted in line for line in machines.collector.lines(one)):
                waiting.discard(one)
        return not waiting

    _poll(asked)
    return [f"the log collector of {one} forwarded no line" for one in sorted(waiting)]


def check_replaced(machines: NspawnMachines, old: PatchedServers) -> list[str]:
    """What of the old servers is still there, in words; empty when nothing is."""
    _poll(lambda: not set(machines.running()) & set(old.servers) and not set(machines.disks()) & set(old.servers))
    broken = [f"{one} still runs" for one in machines.running() if one in old.servers]
    broken += [f"the disk of {one} is still there" for one in machines.disks() if one in old.servers]
    for one in machines.running():
        root = machines.root(one)
        if (root / PATCH).exists():
            broken.append(f"{one} has /{PATCH}, which was put on a server by hand")
        known = {text for pair in old.servers.items() for text in pair}
        broken += [f"{file} of {one} knows an old server" for file in _files_with(machines.written(one), known)]
    return broken


def _files_with(folders: Iterable[Path], texts: Iterable[str]) -> list[str]:
    """Names of files that hold one of the texts."""
    wanted = [argument for text in texts for argument in ("-e", text)]
    done = subprocess.run(
        [
            "grep",
            "--recursive",
            "--files-with-matches",
            "--fixed-strings",
            "--devices=skip",
            "--no-messages",
            *wanted,
            "--",
            *map(str, folders),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


def _direct() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _poll(question: Callable[[], bool]) -> None:
    limit = time.monotonic() + _SECONDS
    while not question() and time.monotonic() < limit:
        time.sleep(0.3)
