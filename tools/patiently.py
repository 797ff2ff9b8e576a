"""Runs an update beside the CI step that started it, so that a cancelled job leaves it time to end well.

GitHub sends a cancelled step SIGINT and kills it 10 seconds later; steps with `if: cancelled()` then have 5 minutes
(https://docs.github.com/en/actions/reference/workflow-cancellation-reference).

    python tools/patiently.py run COMMAND...    shows its output and ends as it ends; SIGINT and SIGTERM are handed on
    python tools/patiently.py wait              goes on where a cancelled `run` stopped looking
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".pulumi" / "patiently"
POLL_SECONDS = 0.2
CANCELLED = 130


def run(command: Sequence[str], folder: Path) -> int:
    """The command's exit code; 130 when this process was interrupted, and the command may still be ending."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shown").write_text("0")
    cancelled: list[int] = []
    # Before it starts: a signal that is handled here is at its default in the command, also where it was ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: cancelled.append(number))
    with (folder / "output").open("wb") as output:
        # A session of its own: whoever ends the step's processes does not find it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    (folder / "pid").write_text(str(process.pid))
    _show(folder, until=lambda: bool(cancelled) or process.poll() is not None)
    if not cancelled:
        return process.returncode
    # Once, whatever was sent here: a second one would end it at once.
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    return CANCELLED


def wait(folder: Path) -> int:
    """0 once what was run has ended."""
    if (folder / "pid").exists():
        pid = int((folder / "pid").read_text())
        _show(folder, until=lambda: not _alive(pid))
    return 0


def _show(folder: Path, *, until: Callable[[], bool]) -> None:
    with (folder / "output").open("rb") as output:
        output.seek(int((folder / "shown").read_text()))
        while True:
            ended = until()  # asked before reading: what was written last is shown
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
            (folder / "shown").write_text(str(output.tell()))
            if ended:
                return
            time.sleep(POLL_SECONDS)


def _alive(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody has waited for does not."""
    with contextlib.suppress(OSError):
        if (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    if len(arguments) > 1 and arguments[0] == "run":
        return run(arguments[1:], folder)
    if list(arguments) == ["wait"]:
        return wait(folder)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
