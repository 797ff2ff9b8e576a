"""An engine as a child process can be interrupted, whatever this process was started from."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from rehearsal.engine.child import Child, start_process

# It ends by itself, should the signal never come.
ENGINE = "trap 'echo weights are back; exit 9' INT; echo updating; for _ in 1 2 3 4 5 6 7 8 9; do sleep 1; done"


def test_an_engine_hears_its_interrupt(tmp_path: Path, signals_so_far: str) -> None:
    begun = threading.Event()
    child = Child(
        start_process(["sh", "-c", ENGINE], folder=tmp_path, environment=os.environ),
        events=tmp_path / "events",
        on_line=lambda line: begun.set(),
    )
    assert begun.wait(30)
    child.interrupt()
    result = child.wait(30)
    assert (result.text.splitlines()[-1], result.returncode) == ("weights are back", 9)
