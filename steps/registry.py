"""Which steps there are: each file below a folder of steps/ that is a program of its own."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def module_of(name: str) -> str:
    """The module of a step, like `steps.image.bake` of `bake`. Raises ValueError for what is no step."""
    [file] = HERE.glob(f"*/{name}.py")
    return f"steps.{file.parent.name}.{name}"
