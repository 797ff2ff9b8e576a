"""Links between pages, as GitHub shows them: to a file of the repository, and to a heading that its page has.

`make docs` holds them once more, as the site has them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal import PROJECT

PAGES = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=PROJECT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """https://docs.github.com: lower case, blanks are hyphens, other punctuation goes."""
    headings = re.findall(r"^#+ (.*)", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_no_link_leads_nowhere(name: str) -> None:
    page = PROJECT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), link


def test_each_page_has_a_place_in_the_site() -> None:
    """An error of `make docs` too, and only there a page that the list has and nobody wrote."""
    listed = (PROJECT / "mkdocs.yml").read_text()
    pages = [name.removeprefix("docs/") for name in PAGES if name.startswith("docs/")]
    assert [page for page in pages if f"- {page}\n" not in listed and not page.startswith("decisions/")] == []


def test_who_owns_a_path_owns_one_that_is_there() -> None:
    lines = (PROJECT / ".github" / "CODEOWNERS").read_text().splitlines()
    owned = {line.split()[0] for line in lines if not line.startswith("#")}
    assert {"/.github/", "/docs/iam/", "/image/"} <= owned
    assert [path for path in owned if not list(PROJECT.glob(path.strip("/")))] == []


def test_what_tools_are_told_to_type_and_where_to_look_is_there() -> None:
    told = (PROJECT / "AGENTS.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", told)) <= targets
    assert [path for path in re.findall(r"`([a-z/]+)/`", told) if not (PROJECT / path).is_dir()] == []


def test_forms_are_such_that_github_shows_them() -> None:
    """https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests"""
    for form in (PROJECT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"):
        said = yaml.safe_load(form.read_text())
        assert said["name"] and said["description"], form
        asked = [part for part in said["body"] if part["type"] != "markdown"]
        assert all(part["attributes"]["label"] for part in asked)
        assert len({part["id"] for part in asked}) == len(asked) > 0
