"""`python -m tools.interruptible COMMAND...`: becomes the command, which can be interrupted.

A shell that was started with SIGINT ignored hands that on to what it runs, and can't undo it (POSIX, trap).
"""

from __future__ import annotations

import os
import sys

from steps.runtime.signals import interruptible

if __name__ == "__main__":
    interruptible()
    os.execvp(sys.argv[1], sys.argv[1:])
