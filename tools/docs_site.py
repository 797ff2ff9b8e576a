"""What MkDocs is told beside mkdocs.yml, as its hook (https://www.mkdocs.org/user-guide/configuration/#hooks).

Pages link to each other as they lie in the repository, so that GitHub shows them too. The site has docs/ as its root,
and some pages from elsewhere (`nav` names them); a link to any other file of the repository leads to it on GitHub.
A link to nothing stays as it is, and MkDocs tells it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\(|\bsrc=\"|\bhref=\")([^)#\"\s:]+)(?=[)#\"\s])")


def pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for item in (nav.values() if isinstance(nav, dict) else nav) for page in pages(item)]


def on_files(files: Files, *, config: Any) -> Files:
    """The pages of `nav` that are not below docs/."""
    for page in pages(config.nav):
        if files.get_file_from_path(page) is None and (PROJECT / page).is_file():
            files.append(File.generated(config, page, abs_src_path=str(PROJECT / page)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    inside = page.file.generated_by is None
    folder = posixpath.dirname(f"docs/{page.file.src_uri}" if inside else page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def led(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[2]))
        of_site = path.removeprefix("docs/")
        if files.get_file_from_path(of_site) is not None:
            return link[1] + posixpath.relpath(of_site, here or ".")
        if path.startswith("..") or not (PROJECT / path).exists():
            return link[0]
        kind = "tree" if (PROJECT / path).is_dir() else "blob"
        return f"{link[1]}{config.repo_url}/{kind}/main/{path}"

    # Python-Markdown takes one word for a fence's language; the second one is for tests/docs/test_commands.py.
    return LINK.sub(led, re.sub(r"^( *```sh) run$", r"\1", markdown, flags=re.MULTILINE))
