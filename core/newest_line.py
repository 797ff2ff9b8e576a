"""The newest line of an update's steps, in a file of the project's folder while somebody wants to read it.

A terminal has room for some thirty characters behind the name and the state of a resource, and Pulumi uses them to say
which inputs of a replaced command changed: not one character of a canary's progress is seen there. So the program shows
the newest line on a row where nothing changed. Steps run in the same folder, and know the stack; the file is there only
as long as a program reads it, and nothing depends on it.
"""

from __future__ import annotations

import os
from pathlib import Path

# The package's way to its steps is in it too (components/step_command.py); git sees neither.
FOLDER = Path(".phoenix")


def place(stack: str) -> Path:
    """The file of a stack (SERVICE/STACK), relative to the project's folder."""
    return FOLDER / f"{stack.replace('/', '-')}.line"


def invite(stack: str) -> Path:
    """Makes the file, empty: from now on steps of the stack write to it. Raises OSError."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    place(stack).write_text("")
    return place(stack)


def leave(stack: str, text: str) -> None:
    """Writes the line for whoever reads, if anybody does; a file that can't be written stops no step."""
    path = place(stack)
    if not path.exists():
        return
    made = path.with_name(f"{path.name}-{os.getpid()}")
    try:
        made.write_text(text)
        # Whole or not at all: it may be read now.
        made.replace(path)
    except OSError:
        made.unlink(missing_ok=True)
