"""Writes the message column of docs/runbook.md: the text of each code, as the source says it.

`PYTHONPATH=. python tools/describe_messages.py`; what a message means and what to do is written there by hand. A test
holds the page against the source.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "runbook.md"
FOLDERS = ("components", "plan", "core", "steps", "package")
# The one script that says something before any Python of ours runs.
SCRIPT = "steps/run"
# What makes a message -> which of its arguments the text is. The first one is the code.
MAKERS = {
    "CodedError": 1,
    "GitError": 1,
    "Interrupted": 1,
    "Problem": 1,
    "StepError": 1,
    "PromotionError": 1,
    "UnknownPackages": 1,
    "coded": 1,
    "problem": 3,
    "coded_warning": 1,
    "_forbidden": 3,
}
CODE = re.compile(r"PHX-\d{3}")
ROW = re.compile(r"^\| (PHX-\d{3}) \| (.*?) \| (?=.* \| .* \|$)", re.MULTILINE)
HOLE = "…"


@dataclass(frozen=True)
class Message:
    """A message of the source. `code` is empty where none is written; `text` has `…` for what is filled in."""

    code: str
    text: str
    place: str


def messages() -> list[Message]:
    """Every message that the program and its steps make; of several lines, the first."""
    files = (
        file for folder in FOLDERS for file in sorted((PROJECT / folder).rglob("*.py")) if ".venv" not in file.parts
    )
    return [
        *(one for file in files for one in made(file.read_text(), str(file.relative_to(PROJECT)))),
        *echoed((PROJECT / SCRIPT).read_text()),
    ]


def echoed(script: str) -> Iterator[Message]:
    """The messages of a shell script: what it echoes with a code before it."""
    for number, line in enumerate(script.splitlines(), start=1):
        for code, text in re.findall(rf'echo "({CODE.pattern}): ([^"]*)"', line):
            yield Message(code, re.sub(r"\$\w+", HOLE, text), f"{SCRIPT}:{number}")


def made(source: str, name: str) -> Iterator[Message]:
    """The messages of one file. Whoever passes a code on (`error.code`, a parameter `code`) makes none."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        maker, code = ast.unparse(node.func).rpartition(".")[2], ast.unparse(node.args[0]) if node.args else ""
        literal = code.strip("'") if CODE.fullmatch(code.strip("'")) else ""
        if (maker in MAKERS or literal) and code.rpartition(".")[2] != "code":
            text = node.args[MAKERS.get(maker, len(node.args)) :]
            yield Message(literal, _first_line(text[0]) if text else "", f"{name}:{node.lineno}")


def _first_line(node: ast.expr) -> str:
    return re.sub(f"{HOLE}+", HOLE, " ".join(_text(node).strip().partition("\n")[0].split()))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return HOLE


def page(text: str, said: Mapping[str, str]) -> str:
    """The page with these texts, by code; a row whose code is not among them stays as it is."""
    return ROW.sub(lambda row: f"| {row[1]} | {cell(said[row[1]]) if row[1] in said else row[2]} | ", text)


def cell(text: str) -> str:
    """A text as a cell of a table shows it, letter by letter."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|")


def main() -> int:
    """Writes the page; says which rows somebody has to write or to delete."""
    text = PAGE.read_text()
    said = {one.code: one.text for one in messages()}
    PAGE.write_text(page(text, said))
    print(f"written: {PAGE}")
    rows = {row[1] for row in ROW.finditer(text)}
    for code in sorted(said.keys() - rows):
        print(f"has no row yet: | {code} | {cell(said[code])} | what it means | what to do |")
    for code in sorted(rows - said.keys()):
        print(f"nobody says it any more: {code}")
    return int(said.keys() != rows)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main())
