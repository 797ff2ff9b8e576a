"""docs/performance.md, whose tables are what the measurements print: each stands between two comments.

So no figure is copied by hand, and each says on which day, machine and versions it was taken.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess

from bench import goals
from rehearsal import PROJECT

PAGE = PROJECT / "docs" / "performance.md"
GOALS = "goals"
# How a block begins: when it was taken, on what.
TAKEN = re.compile(r"`python -m bench\.(\w+)`, (\d{4}-\d\d-\d\d), (\d+) cores, ([^\n]+)\n\n```\n(.+?)\n```", re.DOTALL)


def block(page: str, name: str) -> str:
    """What stands between a block's comments. Raises ValueError when the page has no such block."""
    begin, end = _marks(name)
    if begin not in page or end not in page:
        raise ValueError(f"docs/performance.md has no block {name}: it begins with {begin} and ends with {end}")
    return page.partition(begin)[2].partition(end)[0].strip("\n")


def replaced(page: str, name: str, text: str) -> str:
    """The page with another block. Raises ValueError as `block` does."""
    block(page, name)
    begin, end = _marks(name)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def measured(name: str, said: str, *, day: str, machine: str) -> str:
    """A measurement's block, of what it printed."""
    return f"`python -m bench.{name}`, {day}, {machine}\n\n```\n{said.strip(chr(10))}\n```"


def write(said: dict[str, str], figures: dict[str, float], *, day: str) -> None:
    """Writes what the measurements printed, and the goals that they noted; the rest of the page stays."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in said.items():
        page = replaced(page, name, measured(name, text, day=day, machine=machine()))
    table = goals.rows(figures, day, goals.parsed(block(page, GOALS)))
    PAGE.write_text(replaced(page, GOALS, "\n".join(table)), encoding="utf-8")


def machine() -> str:
    """Cores and versions of what is measured with."""
    found = [f"{os.cpu_count()} cores", f"Python {platform.python_version()}"]
    for tool, arguments in (("pulumi", ["version"]), ("packer", ["version"]), ("terraform", ["version"])):
        if path := shutil.which(tool):
            said = subprocess.run([path, *arguments], capture_output=True, text=True, check=False).stdout
            if version := re.search(r"\d+\.\d+\.\d+", said):
                found.append(f"{tool} {version[0]}")
    return ", ".join(found)


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- bench: {name} -->", f"<!-- end of {name} -->"
