"""Kills running commands when the engine that runs them is killed, even by `kill -9`.

A small process of its own holds the other end of a pipe: it receives which commands run, and when the pipe closes it
kills those that are left. That needs no help from the operating system, so it works on every Unix.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class ProcessReaper:
    """Started with the first command. It ends when this process does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: IO[bytes] | None = None

    @contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """While this is open, the process `pid` is killed when we are."""
        self._send(f"+{pid}\n")
        try:
            yield
        finally:
            self._send(f"-{pid}\n")

    def _send(self, line: str) -> None:
        with self._lock:
            if self._pipe is None:
                # A session of its own: a signal to our group must not reach it before it has done its work.
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                assert process.stdin is not None
                self._pipe = process.stdin
            assert self._pipe is not None
            self._pipe.write(line.encode())
            self._pipe.flush()


def main() -> None:
    """Read which processes run from standard input; at its end kill those that still do."""
    running: set[int] = set()
    for line in sys.stdin:
        (running.add if line[0] == "+" else running.discard)(int(line[1:]))
    for pid in running:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
