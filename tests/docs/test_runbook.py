"""The runbook and the configuration's page say what the source says: nothing is missing, nothing is stale."""

from __future__ import annotations

import ast
import re
import runpy
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal import PROJECT
from tests.docs.messages import HOLE, messages

RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", RUNBOOK, re.M)
KNOWN = {message for message, _, _ in ROWS}
# Which failed launch it was is told by AWS; the runbook has a table of those.
LAUNCH = f"{HOLE}: {HOLE}"
TOOL: dict[str, Any] = runpy.run_path(str(PROJECT / "tools" / "describe_configuration.py"))


@pytest.mark.parametrize("folder", ["components", "plan", "core", "steps"])
def test_every_message_is_in_the_runbook(folder: str) -> None:
    missing = {text: place for text, place in messages(folder).items() if text not in KNOWN and text != LAUNCH}
    assert not missing, "say in docs/runbook.md what it means and what to do"


def constants() -> str:
    """Every text of the source that a message could be made of."""
    files = [file for folder in ("components", "plan", "core", "steps") for file in (PROJECT / folder).rglob("*.py")]
    texts = [
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return "\n".join(" ".join(text.split()) for text in texts)


def test_the_runbook_knows_no_message_that_nobody_says_any_more() -> None:
    said = constants()
    stale = [message for message in KNOWN for part in message.split(HOLE) if part.strip() and part.strip() not in said]
    assert not stale


def test_the_page_of_the_configuration_is_that_of_pulumi_yaml_and_the_rules() -> None:
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    assert TOOL["PAGE"].read_text() == TOOL["page"](project, TOOL["rules"]()), (
        "Pulumi.yaml or a rule has changed; do: PYTHONPATH=. .venv/bin/python tools/describe_configuration.py"
    )


def test_every_link_between_the_pages_leads_somewhere() -> None:
    names = ("how-it-works", "configuration", "runbook", "one-image", "package")
    pages = [
        PROJECT / "README.md",
        PROJECT / "examples" / "two-services" / "README.md",
        *(PROJECT / "docs" / f"{name}.md" for name in names),
        *(PROJECT / "docs" / "decisions").glob("*.md"),
    ]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} leads to {target}"
