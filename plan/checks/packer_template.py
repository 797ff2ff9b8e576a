"""The variables that a Packer template declares, against those that `packerVariables` gives: what Packer would refuse
in the middle of an update is told before it.

Only what is written as `packer fmt` writes it is read; of anything else nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from core.errors import Problem, problem
from plan.config.settings import Settings

_VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_TYPE = re.compile(r"^\s*type\s*=\s*(\S+)\s*$", re.MULTILINE)
# The text of a value -> whether a variable of the type takes it (HCL's conversion of texts).
KINDS = {"number": re.compile(r"-?\d+(?:\.\d+)?"), "bool": re.compile("true|false")}


def variables(texts: Sequence[str]) -> dict[str, str]:
    """The variables of templates with their types; the type is empty when it is not said on a line."""
    found = {}
    for name, body in (match for text in texts for match in _VARIABLE.findall(text)):
        kind = _TYPE.search(body)
        found[name] = kind[1] if kind else ""
    return found


def read_template(folder: Path) -> dict[str, str]:
    """The variables of the templates in a folder; none when they can't be read."""
    if list(folder.glob("*.pkr.json")):
        return {}  # there may be more of them in it
    try:
        return variables([file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.pkr.hcl"))])
    except (OSError, ValueError):
        return {}


def problems(settings: Settings, declared: Mapping[str, str]) -> Iterator[Problem]:
    """What the templates would refuse of the settings' variables."""
    for name, value in settings.packer_variables.items() if declared else ():
        key = f"packerVariables.{name}"
        if name not in declared:
            yield problem(
                "PHX-312",
                key,
                _shown(value),
                f"must be a variable of the template in {settings.image_dir} (there are {', '.join(sorted(declared))})",
                f"pulumi config rm --path {key}",
            )
        elif rule := _broken(value, declared[name]):
            example = f"--path '{key}[0]' VALUE" if declared[name].startswith("list(") else f"--path {key} VALUE"
            yield problem(
                "PHX-313",
                key,
                _shown(value),
                f"must be {rule}, as the template in {settings.image_dir} says (type = {declared[name]})",
                f"pulumi config rm --path {key} && pulumi config set {example}",
            )


def _broken(value: str | Sequence[str], kind: str) -> str:
    if inner := re.fullmatch(r"(?:list|set)\((\w+)\)", kind):
        if isinstance(value, str):
            return "a list"
        bad = [item for item in value if _broken(item, inner[1])]
        return f"a list in which each item is {_broken(bad[0], inner[1])}" if bad else ""
    if kind in ("string", "number", "bool") and not isinstance(value, str):
        return "no list"
    if kind in KINDS and isinstance(value, str) and not KINDS[kind].fullmatch(value):
        return {"number": "a number", "bool": "true or false"}[kind]
    return ""


def _shown(value: str | Sequence[str]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)
