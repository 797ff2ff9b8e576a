"""Each promise of SECURITY.md names tests that hold it, and they are there."""

from __future__ import annotations

import ast
import re

import pytest

from rehearsal import PROJECT

PAGE = (PROJECT / "SECURITY.md").read_text()
PROMISES = re.findall(r"^\| (?!promise \||-)(.+) \| (.*) \|$", PAGE, re.MULTILINE)


def test_every_promise_stands_in_the_table() -> None:
    assert len(PROMISES) == len(re.findall(r"^\|", PAGE, re.MULTILINE)) - 2 >= 10
    assert not re.findall(r"^[-*] ", PAGE, re.MULTILINE), "a promise outside the table names no test"


@pytest.mark.parametrize(("promise", "held"), PROMISES)
def test_each_promise_is_a_sentence_that_a_test_holds(promise: str, held: str) -> None:
    assert promise.endswith(".")
    tests = re.findall(r"\[(\w+)\]\((tests/[\w/]+\.py)\)", held)
    assert tests and ", ".join(f"[{name}]({path})" for name, path in tests) == held
    for name, path in tests:
        assert name.startswith("test_")
        functions = [
            node.name for node in ast.walk(ast.parse((PROJECT / path).read_text())) if isinstance(node, ast.FunctionDef)
        ]
        assert name in functions, f"{path} has no {name}: name the test that holds: {promise}"
