"""The page of the contracts has the names that the program really uses: none is missing, none is stale."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from rehearsal import PROJECT
from tests.support.account import moto_only
from tests.support.recorded import CONFIG
from tests.support.recorder import Recorded, record_main

PAGE = (PROJECT / "docs" / "contracts.md").read_text()
# A tag, also in a filter of EC2's or a condition of IAM's.
TAG = re.compile(r"(?:tag:)?(phoenix:[a-z-]+)")
NUMBERED = "phoenix:past-"


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def listed(title: str) -> set[str]:
    """The first column of a section's table."""
    return set(re.findall(r"^\| `([^`]+)`", section(title), flags=re.MULTILINE))


def constants(*folders: str) -> Iterator[str]:
    """Every text of the product's source."""
    for folder in folders or ("components", "plan", "core", "steps", "package"):
        for file in (PROJECT / folder).rglob("*.py"):
            if ".venv" not in file.parts:
                yield from _texts(file)


@cache
def _texts(file: Path) -> list[str]:
    nodes = ast.walk(ast.parse(file.read_text()))
    return [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def keys(value: Any) -> Iterator[str]:
    """Keys of tags in the inputs of a resource; an auto-scaling group has a list of them."""
    if isinstance(value, dict):
        yield from (key for key in value if key.startswith("phoenix:"))
        if str(value.get("key", "")).startswith("phoenix:"):
            yield value["key"]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(item)


@pytest.fixture(scope="module")
def program() -> Recorded:
    """What the program declares for a first group."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        moto_only(patch)
        patch.chdir(PROJECT)
        return record_main(PROJECT, config=CONFIG)


def test_outputs(program: Recorded) -> None:
    assert set(program.outputs) == listed("Outputs")
    schema = json.loads((PROJECT / "package" / "schema.json").read_text())
    missing = set(re.findall(r"without `(\w+)`", section("Outputs")))
    assert set(schema["resources"]["phoenix:index:Service"]["properties"]) == listed("Outputs") - missing


def test_tags(program: Recorded) -> None:
    written = {found[1] for text in constants() if (found := TAG.fullmatch(text))}
    declared = {key for resource in program.resources for key in keys(resource.inputs)}
    assert {f"{tag}N" if tag == NUMBERED else tag for tag in written | declared} == listed("Tags")


def test_type_tokens(program: Recorded) -> None:
    declared = {resource.type for resource in program.resources if resource.type.startswith("phoenix:")}
    written = {text for text in constants() if re.fullmatch(r"phoenix:index:\w+", text)}
    assert declared <= written == listed("Type tokens")


def test_commands_that_a_state_remembers(program: Recorded) -> None:
    recorded = {
        re.fullmatch(r"sh steps/run (\w+); exit \$\?", str(one.inputs["delete"])): one.inputs["environment"]
        for one in program.all("command:local:Command")
        if one.inputs.get("delete")
    }
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section("Commands recorded in state"), flags=re.MULTILINE)
    assert {command[1]: set(variables) for command, variables in recorded.items() if command} == {
        step: set(re.findall(r"`(PHOENIX_\w+)`", variables)) for step, variables in rows
    }
    assert all(recorded)


def test_variables_and_headers() -> None:
    names = set(re.findall(r"`(PHOENIX_\w+|X-[\w-]+)`", section("Variables and headers")))
    said = "\n".join([*constants(), (PROJECT / "steps" / "run").read_text()])
    assert {name for name in names if name not in said} == set()
    given = {text for text in constants("steps/hooks") if re.fullmatch(r"PHOENIX_\w+", text)}
    served = set(re.findall(r"PHOENIX_\w+(?==)", "\n".join(constants("plan"))))
    headers = {text for text in constants("core") if re.fullmatch(r"X-Phoenix-\w+", text)}
    assert given and headers and given | served | headers <= names


def test_files_that_people_rely_on() -> None:
    assert [path for path in listed("Files") if not (PROJECT / path).exists()] == []
