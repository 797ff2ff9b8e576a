"""Runs commands of others, which never outlive the step: each has a process group of its own, which ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from steps.runtime.signals import child_of_step

GRACE_SECONDS = 10.0


class Child:
    """A command that has begun, and that whoever began it must `end`; `line` gets what it writes on stdout and stderr.

    It has a process group of its own, which ends with it: SIGTERM, and SIGKILL after `grace` seconds. `given`: its
    standard input; none is an empty one. Raises OSError when the command can't be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        line: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        given: bytes = b"",
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._grace, self._ended = grace, False
        with _input(given) as standard_input:
            self._process = start(
                command, output=subprocess.PIPE, given=standard_input, environment=environment, folder=folder
            )
        self._reader = threading.Thread(target=_read, args=(self._process, line), daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None when it is not done within these seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Ends what is left of it, and returns when all that it wrote was read. A second time it does nothing."""
        if self._ended:
            return
        self._ended = True
        _end(self._process, self._grace)
        self._reader.join(timeout=GRACE_SECONDS)


@contextmanager
def _input(given: bytes) -> Iterator[int | IO[bytes]]:
    """A file, so that nobody waits for a command that does not read it."""
    if not given:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file


def start(
    command: Sequence[str],
    *,
    output: int | IO[bytes],
    given: int | IO[bytes] = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Begins `command` in a process group of its own; stdout and stderr go to `output`. Whoever calls it ends it."""
    return subprocess.Popen(
        command,
        stdin=given,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if environment is None else dict(environment),
        cwd=folder,
        start_new_session=True,
        # Only a step killed with -9 leaves its command to the kernel, which sends it SIGTERM.
        preexec_fn=child_of_step,
    )


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals a process that `start` began, and all that it started; none may be left."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _read(process: subprocess.Popen[bytes], line: Callable[[str], None]) -> None:
    if process.stdout is None:
        return
    with process.stdout as output:
        for raw in output:
            line(raw.decode("utf-8", "replace").rstrip())


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ends whatever is left of the command's process group (it may have gone on in the background)."""
    signal_group(process, signal.SIGTERM)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        pass
    finally:
        signal_group(process, signal.SIGKILL)
        process.wait()
