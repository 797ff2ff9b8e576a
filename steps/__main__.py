"""Begins a step: `python -m steps NAME [--option value ...]`, as `steps/run` does it.

A library that is missing is one message, and no traceback.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from core import start_up  # noqa: F401 - before what is large
from core.errors import StepError
from core.progress import write
from steps.registry import module_of

ROOT = Path(__file__).resolve().parents[1]


def begin(name: str) -> int:
    """Runs a step, which exits by itself; returns 1 when its libraries are not there."""
    try:
        runpy.run_module(module_of(name), run_name="__main__", alter_sys=True)
    except ImportError as error:
        failed = StepError(
            "PHX-006",
            "this Python does not have the libraries of the steps",
            why=f"{sys.executable}: {error}",
            do=f"cd {ROOT} && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n"
            "or name a Python that has them as PHOENIX_PYTHON",
        )
        write(f"{name} failed: {failed}")
        return 1
    return 0


name = sys.argv.pop(1)
sys.exit(begin(name))
