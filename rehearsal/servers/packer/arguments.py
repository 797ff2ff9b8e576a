"""The command line and the templates of Packer, as far as the rehearsal's stand-in reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BuildError(Exception):
    """The build failed; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """What a command line and its templates ask for."""

    folder: Path
    variables: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.variables[name]


def parsed(arguments: Sequence[str]) -> Build:
    """`[-color=false] [-var k=v]... [-var-file f]... TEMPLATE` as Packer reads it. Raises BuildError."""
    rest = list(arguments)
    given: dict[str, Any] = {}
    named: set[str] = set()  # in a file it only warns of what no template declares
    templates: list[str] = []
    while rest:
        argument = rest.pop(0)
        flag, equals, value = argument.partition("=")
        if flag in ("-var", "-var-file"):
            text = value if equals else rest.pop(0)
            given |= json.loads(Path(text).read_text()) if flag == "-var-file" else _assigned(text)
            named |= set() if flag == "-var-file" else {text.partition("=")[0]}
        elif not argument.startswith("-"):
            templates.append(argument)
    if len(templates) != 1:
        raise BuildError(f"one template or folder is needed, not {len(templates)}")
    folder = Path(templates[0])
    files = sorted(folder.glob("*.pkr.hcl")) if folder.is_dir() else [folder]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    declared = dict(re.findall(r'^variable "(\w+)" \{(.*?)^\}', text, re.MULTILINE | re.DOTALL))
    if unknown := sorted(named - set(declared)):
        raise BuildError(f"undefined -var variable: {', '.join(unknown)}")
    defaults = {name: _default(body) for name, body in declared.items()}
    if missing := sorted(name for name in declared if given.get(name, defaults[name]) is None):
        raise BuildError(f"unset variable: {', '.join(missing)}")
    return Build(
        folder=folder if folder.is_dir() else folder.parent,
        variables={**defaults, **{name: given[name] for name in declared if name in given}},
    )


def _assigned(text: str) -> dict[str, Any]:
    name, _, value = text.partition("=")
    return {name: _value(value)}


def _default(body: str) -> Any:
    match = re.search(r"^\s*default\s*=\s*(.+)$", body, re.MULTILINE)
    return None if match is None else _value(match[1].strip())


def _value(text: str) -> Any:
    """Lists, maps, numbers and quoted texts as JSON writes them; anything else is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
