"""`python -m rehearsal.engine.standin pulumi up|preview|refresh|destroy|cancel --project DIR --stack NAME --state DIR`.

A stand-in for the `pulumi` command where there is none. It runs the program and carries its plan out, by the engine's
rules, for the resource types that this project uses. It is not Pulumi; the package's docstring says what it leaves out.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from rehearsal.engine.standin.crypto import WrongPassphraseError
from rehearsal.engine.standin.lock import Lock, LockedError, cancel
from rehearsal.engine.standin.project import ConfigError, Project
from rehearsal.engine.standin.run import Run

# How often to look whether the rehearsal is still there.
PARENT_SECONDS = 0.5


def main() -> int:
    """Do what the command line says; the exit status."""
    options = _options()
    folder = options.state
    locks = folder.resolve() / "locks" / options.stack
    if options.operation == "cancel":
        print(f"stand-in: {cancel(locks)} lock(s) of stack '{options.stack}' taken away")
        return 0
    # Started with -m, the folder of the rehearsal would come before the program's own modules.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path.cwd()]
    folder, events = folder.resolve(), options.events.resolve() if options.events else None
    interrupted = threading.Event()
    try:
        project = Project(options.project.resolve(), options.stack, os.environ.get("PULUMI_CONFIG_PASSPHRASE", ""))
        # Commands and the program run in the project's folder, whoever started us elsewhere.
        os.chdir(project.folder)
        project.passphrase.check()
        preview = options.operation == "preview"
        # A preview changes nothing, so it needs no lock.
        with contextlib.nullcontext() if preview else Lock(locks):
            run = Run(project, folder, events, interrupted, preview=preview)
            _on_interrupt(run)
            return {"preview": run.update, "up": run.update, "refresh": run.refresh, "destroy": run.destroy}[
                options.operation
            ]()
    except (LockedError, ConfigError, WrongPassphraseError) as error:
        print(f"error: {error}", flush=True)
        return 1


def _on_interrupt(run: Run) -> None:
    """The first signal lets what runs be cancelled and recorded; the second ends at once, and leaves the lock."""

    def handle(number: int, frame: object) -> None:
        if run.interrupted.is_set():
            os._exit(1)
        run.interrupt()
        # Not by `print`: the signal may have come in the middle of one. And there may be no reader any more.
        with contextlib.suppress(BrokenPipeError):
            os.write(1, b"^C received; cancelling. If you would like to terminate immediately, press ^C again.\n")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), name="parent", daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """Nobody reads an orphan's progress, and the cloud that it works on is gone with the rehearsal."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.engine.standin", description=__doc__)
    # A step reads off its ancestors' command lines what was asked of the engine (core/engine_call.py).
    parser.add_argument("engine", choices=["pulumi"], help="whom it stands in for")
    parser.add_argument("operation", choices=["up", "preview", "refresh", "destroy", "cancel"])
    parser.add_argument("--project", type=Path, required=True, help="the folder with Pulumi.yaml and __main__.py")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--state", type=Path, required=True, help="the folder of the state and of the locks")
    parser.add_argument("--events", type=Path, help="a file for the event log, JSON lines")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
