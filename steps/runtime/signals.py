"""What stops a step: SIGTERM, SIGINT, SIGHUP (a terminal that goes away), or the death of whoever started it.

Each becomes one `Interrupted` in the main thread. It comes once: a second signal while things are put back
does nothing. On Linux the kernel tells of the parent's death (prctl(2), PR_SET_PDEATHSIG); elsewhere a thread
looks.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

from core.errors import coded

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.5


class Interrupted(BaseException):
    """Not an Exception, so that nothing that retries on errors takes it for one."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(coded(code, what))
        self.code = code
        self.what = what


class Interrupts:
    """The signals of this process. `hold()` makes them wait for ever: from then on nothing is interrupted."""

    def __init__(self) -> None:
        self._deaf = False
        self._parent: int | None = None

    def block(self) -> None:
        self._deaf = True

    @contextlib.contextmanager
    def listening(self, *, parent: int | None = None) -> Iterator[None]:
        """Listens until the block ends. `parent`: the process whose death counts (None: today's parent)."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        if before[signal.SIGHUP] is signal.SIG_IGN:
            del before[signal.SIGHUP]  # as under nohup, which is there to have it ignored
        self._parent = os.getppid() if parent is None else parent
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            self._watch_parent()
            yield
        finally:
            # A process that is ending after an interrupt has words to say yet: it stays deaf.
            if not self._deaf:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._deaf:
            return
        self._deaf = True
        if self._parent is not None and os.getppid() != self._parent:
            raise Interrupted("PHX-010", "the process that started it has ended")
        raise Interrupted("PHX-009", f"it was interrupted ({signal.Signals(number).name})")

    def _watch_parent(self) -> None:
        if sys.platform == "linux":
            die_with_parent()
        else:
            threading.Thread(target=self._poll_parent, daemon=True).start()
        # The parent may have died before the kernel was asked; then it never tells.
        if os.getppid() != self._parent:
            signal.raise_signal(signal.SIGTERM)

    def _poll_parent(self) -> None:
        while os.getppid() == self._parent:
            time.sleep(POLL_SECONDS)
        main = threading.main_thread().ident
        if main is not None:
            # To the main thread itself, so that a wait it is in ends.
            signal.pthread_kill(main, signal.SIGTERM)


def interruptible() -> None:
    """In a new process, before its program begins (`preexec_fn`): what ends it does so by default again.

    A job in the background of a shell starts with SIGINT ignored, as after `trap "" INT`. An ignored signal stays so in
    every process that it starts (execve(2)), and a shell can't even undo it (POSIX, trap): nobody who is then asked by
    SIGINT to put things back would hear of it. SIGHUP is left as it is, as `nohup` wants it.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def child_of_step() -> None:
    """In a new process, before its program begins: it can be interrupted, and ends with the step that started it."""
    interruptible()
    die_with_parent()


def die_with_parent() -> None:
    """Has the kernel send SIGTERM to this process when the thread that started it ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def recorded_parent() -> int | None:
    """Who started `steps/run`, which wrote it down; taken out of the environment: it is nobody else's."""
    text = os.environ.pop("PHOENIX_PARENT_PID", "")
    return int(text) if text.isdigit() else None
