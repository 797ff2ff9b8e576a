"""Runs commands of others, which never outlive the step: each has a process group of its own, which ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from steps.runtime.signals import child_of_step

GRACE_SECONDS = 10.0


def run(
    command: Sequence[str],
    *,
    line: Callable[[str], None],
    timeout: float,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> int:
    """Runs `command` and returns its exit code; `line` gets what it writes on stdout and stderr.

    It has a process group of its own, which ends with the call, however that ends: SIGTERM, and SIGKILL after
    GRACE_SECONDS. Raises TimeoutError after `timeout` seconds, and OSError when the command can't be started.
    """
    process = start(command, output=subprocess.PIPE, environment=environment, folder=folder)
    reader = threading.Thread(target=_read, args=(process, line), daemon=True)
    try:
        reader.start()
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{command[0]} was not done after {timeout:.0f} s") from error
    finally:
        _end(process)
        reader.join(timeout=GRACE_SECONDS)


def start(
    command: Sequence[str],
    *,
    output: int | IO[bytes],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Begins `command` in a process group of its own; stdout and stderr go to `output`. Whoever calls it ends it."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
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


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends whatever is left of the command's process group (it may have gone on in the background)."""
    signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        signal_group(process, signal.SIGKILL)
        process.wait()
