"""Shows how far the gates are to whoever watches `pulumi up` in a terminal: the newest line of its steps, on a row."""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pulumi

from core import newest_line
from core.engine_call import Call, read_engine_call

EVERY_SECONDS = 0.5
TERMINAL = Path("/dev/tty")


def show_progress(row: pulumi.Resource, *, stack: str) -> None:
    """From now on, until this program ends, each new line of a step of SERVICE/STACK stands on the row.

    In a log, where nothing is overwritten, commands' own lines are whole: nothing is done there, nor in a preview.
    """
    if pulumi.runtime.is_dry_run() or not is_watched(read_engine_call(), terminal=TERMINAL):
        return
    loop = asyncio.get_event_loop()

    def say(text: str) -> None:
        loop.call_soon_threadsafe(lambda: pulumi.log.info(text, row, ephemeral=True))

    try:
        path = newest_line.invite(stack)
    except OSError:
        return
    atexit.register(path.unlink, missing_ok=True)
    threading.Thread(target=follow, args=(path, say), daemon=True).start()


def is_watched(call: Call | None, *, terminal: Path) -> bool:
    """Whether somebody sees the engine's rows change: it was not told otherwise, and this session has a terminal."""
    if call is None or call.operation != "up" or call.has("--non-interactive", "--json", "-j", "--diff"):
        return False
    try:
        terminal.open("rb", buffering=0).close()
    except OSError:
        return False
    return True


def follow(path: Path, say: Callable[[str], object], sleep: Callable[[float], object] = time.sleep) -> None:
    """Says each new line of the file, until it is gone or nobody can be told any more."""
    said = ""
    while True:
        try:
            text = path.read_text()
            if text not in ("", said):
                say(text)
                said = text
        except (OSError, RuntimeError):  # the file is gone, or the loop has ended
            return
        sleep(EVERY_SECONDS)
