"""What a newcomer reads first is short and true: the README, the tour."""

from __future__ import annotations

import ast
import re

import pytest

from rehearsal import PROJECT

README = (PROJECT / "README.md").read_text()
TOUR = (PROJECT / "docs" / "tour.md").read_text()
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| \[([^\]]+)\]\(\.\./([^)]+)\) \| `(\w+)` \|$", TOUR, flags=re.MULTILINE)


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 120


def test_the_readme_shows_the_program_as_it_is() -> None:
    [shown] = re.findall(r"```python\n(.+?)```", README, flags=re.DOTALL)
    assert len(shown.splitlines()) <= 15
    assert shown in (PROJECT / "__main__.py").read_text(), "show in README.md what __main__.py is now"


def test_what_the_pages_say_to_make_can_be_made() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in (PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").glob("*.md")):
        typed = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), flags=re.MULTILINE)
        assert set(typed) <= targets, page.name


def test_the_tour_answers_ten_questions() -> None:
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize(("question", "path", "target", "name"), QUESTIONS)
def test_each_question_leads_to_a_name_that_is_there(question: str, path: str, target: str, name: str) -> None:
    assert path == target
    defined = {
        node.name
        for node in ast.walk(ast.parse((PROJECT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert name in defined, f"{question}: {path} has no {name}"
