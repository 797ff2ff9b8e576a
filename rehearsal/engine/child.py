"""An engine as a child process: its lines as they come, its events, and how it is interrupted, killed and awaited."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rehearsal.engine.events import Events, Tail
from rehearsal.engine.model import OnLine, Result
from steps.runtime.signals import interruptible

# A killed engine's children may hold its output open for a moment, while they notice and put things right.
LEFTOVER_SECONDS = 20


class Process(Protocol):
    """What a child needs of its process: of a `subprocess.Popen`, or of what stands for one."""

    pid: int
    stdout: Any

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def start_process(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Process:
    """Starts a command as the leader of a group of its own, so a Ctrl-C in the terminal is ours to pass on."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        preexec_fn=interruptible,
    )


class Child:
    """Implements `Running`."""

    def __init__(
        self,
        process: Process,
        *,
        events: Path,
        on_line: OnLine | None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._events, self._on_line, self._on_end = Events(), on_line, on_end
        self._lines: list[str] = []
        self._process = process
        self.pid = self._process.pid
        self._tail = Tail(events, self._events)
        self._tail.start()
        self._reader = threading.Thread(target=self._read, name=f"output of {self.pid}", daemon=True)
        self._reader.start()
        self._result: Result | None = None

    def interrupt(self) -> None:
        """Send SIGINT to the engine alone, as a supervisor does."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Send SIGKILL to the engine alone."""
        self._signal(signal.SIGKILL)

    @property
    def ended(self) -> bool:
        """Whether the engine's own process has ended."""
        return self._process.poll() is not None

    def wait(self, timeout: float | None = None) -> Result:
        """Wait for the end. Raises `TimeoutError` after `timeout` seconds; the process then goes on."""
        if self._result is not None:
            return self._result
        try:
            returncode = self._process.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise TimeoutError(f"the engine still runs after {timeout:g} s") from late
        self._reader.join(LEFTOVER_SECONDS)
        self._tail.stop()
        self._on_end()
        self._result = Result(returncode, dict(self._events.changes), self._events.operations(), "\n".join(self._lines))
        return self._result

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.kill(self.pid, number)

    def _read(self) -> None:
        with self._process.stdout as stream:
            for line in stream:
                self._lines.append(line.rstrip("\n"))
                if self._on_line is not None:
                    self._on_line(line.rstrip("\n"))
