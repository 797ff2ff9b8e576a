"""Which steps there are: each file below a folder of steps/ that is a program of its own, as `steps/run` lists them."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = re.compile(r'^if __name__ == "__main__":', re.MULTILINE)


def module_of(name: str) -> str:
    """The module of a step, like `steps.image.bake` of `bake`. Raises ValueError for what is no step, or two."""
    [file] = [one for one in HERE.glob(f"*/{name}.py") if PROGRAM.search(one.read_text(encoding="utf-8"))]
    return f"steps.{file.parent.name}.{name}"
