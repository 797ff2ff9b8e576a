"""Notes of a release, from CHANGELOG.md, once tag, version and changelog agree: python tools/release.py TAG

A release is a tag `vVERSION` (docs/package.md: `package@VERSION`). Exits with 1, with what to do, where they differ.
It needs Python's own library alone: a machine that publishes has installed nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


class UnfitError(Exception):
    """Why there is no release of that tag; its text says what to do."""


def notes(tag: str, *, pyproject: str, changelog: str) -> str:
    """What stands below the heading of the tag's version, `## 1.2.3 (2026-11-27)`. Raises UnfitError."""
    version = tomllib.loads(pyproject)["project"]["version"]
    if tag != f"v{version}":
        raise UnfitError(
            f"The tag is {tag}, and pyproject.toml has version {version}. Do: raise it there, or tag v{version}"
        )
    heading = rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, flags=re.MULTILINE | re.DOTALL)
    if not found:
        raise UnfitError(f"CHANGELOG.md has no heading `## {version} (YYYY-MM-DD)`. Do: name `## Unreleased` so")
    if not found[1].strip():
        raise UnfitError(f"CHANGELOG.md says nothing about {version}. Do: say what a user meets")
    return found[1].strip()


def main(tag: str, *, project: Path = PROJECT) -> int:
    pyproject, changelog = ((project / name).read_text() for name in ("pyproject.toml", "CHANGELOG.md"))
    try:
        print(notes(tag, pyproject=pyproject, changelog=changelog))
    except UnfitError as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag", help="vVERSION")
    sys.exit(main(parser.parse_args().tag))
