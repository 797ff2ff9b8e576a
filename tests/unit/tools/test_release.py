"""What is published under a tag: the changelog's words on that version, and nothing where the three names differ."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rehearsal import PROJECT

TOOL: dict[str, Any] = runpy.run_path(str(PROJECT / "tools" / "release.py"))
CHANGELOG = """# Changes

## Unreleased

- Later.

## 1.2.0 (2026-11-27)

- A key `x`.
- A fix of
  two lines.

## 1.1.0 (2026-10-01)

- Before.

## 1.0.0 (2026-09-01)
"""


def project(folder: Path, *, version: str) -> Path:
    (folder / "pyproject.toml").write_text(f'[project]\nname = "phoenix"\nversion = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    return folder


@pytest.mark.parametrize(
    ("version", "notes"), [("1.2.0", "- A key `x`.\n- A fix of\n  two lines.\n"), ("1.1.0", "- Before.\n")]
)
def test_the_notes_are_the_changelogs(
    version: str, notes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TOOL["main"](f"v{version}", project=project(tmp_path, version=version)) == 0
    assert capsys.readouterr().out == notes


@pytest.mark.parametrize(
    ("tag", "version", "why"),
    [
        (
            "v1.2.1",
            "1.2.0",
            "The tag is v1.2.1, and pyproject.toml has version 1.2.0. Do: raise it there, or tag v1.2.0",
        ),
        ("1.2.0", "1.2.0", "The tag is 1.2.0, and"),
        ("v1.2", "1.2", "CHANGELOG.md has no heading `## 1.2 (YYYY-MM-DD)`. Do: name `## Unreleased` so"),
        ("v1.3.0", "1.3.0", "CHANGELOG.md has no heading"),
        ("v1.0.0", "1.0.0", "CHANGELOG.md says nothing about 1.0.0"),
    ],
)
def test_names_that_differ_are_no_release(
    tag: str, version: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TOOL["main"](tag, project=project(tmp_path, version=version)) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(why)


def test_the_changelog_that_is_checked_in_is_read_as_it_is_written() -> None:
    pyproject, changelog = ((PROJECT / name).read_text() for name in ("pyproject.toml", "CHANGELOG.md"))
    version = tomllib.loads(pyproject)["project"]["version"]
    named = changelog.replace("## Unreleased\n", f"## {version} (2026-11-27)\n", 1)
    assert TOOL["notes"](f"v{version}", pyproject=pyproject, changelog=named).startswith("- ")
