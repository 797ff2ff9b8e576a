"""The error messages of the program and its steps, read off their source: what the runbook must know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rehearsal import PROJECT

# Calls that make a message -> which argument it is.
MAKERS = {
    "StepError": 0,
    "Interrupted": 0,
    "UnknownPackages": 0,
    "Verdict": "failure",
    "RolloutPlanError": 0,
    "ImageError": 0,
    "LiveError": 0,
    "WrongAccountError": 0,
    "ExistingBalancerError": 0,
    "problem": 2,
    "GitError": 0,
    "_forbidden": 1,
}
HOLE = "…"


def messages(folder: str) -> dict[str, str]:
    """Each message -> where it is made. What is filled in is `…`; of several lines, the first."""
    found = {}
    for file in sorted((PROJECT / folder).rglob("*.py")):
        for text, line in _made(file):
            if text.strip(f"{HOLE} "):
                found[text] = f"{file.relative_to(PROJECT)}:{line}"
    return found


def _made(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call):
            continue
        place = MAKERS.get(ast.unparse(node.func).rpartition(".")[2])
        if isinstance(place, int) and len(node.args) > place:
            yield _first_line(node.args[place]), node.lineno
        for keyword in node.keywords:
            if keyword.arg == place:
                yield _first_line(keyword.value), node.lineno


def _first_line(node: ast.expr) -> str:
    return " ".join(_text(node).strip().partition("\n")[0].split())


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return HOLE
