"""A run of the stand-in as a fork of a process that has imported everything already (fork_server.py)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Elsewhere a fork after so many imports is not safe, and a process can't be given another command line.
AVAILABLE = sys.platform == "linux"
# The server's last argument. Its memory is where the kernel will find the command line of a run.
ROOM = "." * 4096


class Forked:
    """What `subprocess.Popen` is for a process of its own, as far as `Child` uses it."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        told, status = os.pipe()
        out, output = os.pipe()
        try:
            _server().ask(
                json.dumps({"command": command, "folder": str(folder), "environment": dict(environment)}),
                (output, status),
            )
        finally:
            os.close(output)
            os.close(status)
        self.stdout: IO[str] = os.fdopen(out, encoding="utf-8", errors="replace")
        answers = os.fdopen(told)
        self.pid = int(answers.readline())
        self._code, self._ended = 0, threading.Event()
        threading.Thread(target=self._listen, args=(answers,), name=f"end of {self.pid}", daemon=True).start()

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._code if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises `subprocess.TimeoutExpired` after `timeout` seconds; it then goes on."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return self._code

    def _listen(self, answers: IO[str]) -> None:
        with answers:
            # A server that is killed tells nothing, and its runs end with it.
            self._code = int(answers.readline() or -signal.SIGKILL)
        self._ended.set()


class _Server:
    """The server of this process. It ends when nobody holds the other end of its socket, so with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            subprocess.Popen(
                [sys.executable, "-m", "rehearsal.engine.standin.fork_server", str(theirs.fileno()), ROOM],
                cwd=Path(__file__).resolve().parents[3],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def ask(self, message: str, descriptors: tuple[int, int]) -> None:
        with self._lock:
            socket.send_fds(self._ours, [message.encode()], descriptors)


_making = threading.Lock()
_made: list[_Server] = []


def _server() -> _Server:
    """Made with the first run."""
    with _making:
        if not _made:
            _made.append(_Server())
        return _made[0]
