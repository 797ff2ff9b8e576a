"""Keys that nothing reads, since they stand in the namespace of another project: it was renamed, or a file copied. Pure
but for `provider_keys`.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from typing import Any

from core.errors import Problem, problem


@dataclass(frozen=True)
class MisplacedKey:
    """A key of ours under another namespace."""

    namespace: str
    name: str
    text: str
    secret: bool

    @property
    def key(self) -> str:
        """NAMESPACE:NAME."""
        return f"{self.namespace}:{self.name}"


def misplaced_keys(
    texts: Mapping[str, str],
    *,
    project: str,
    names: Collection[str],
    secret_keys: Set[str],
    provider: Callable[[str], bool],
) -> list[MisplacedKey]:
    """Keys of this program (`names`) under namespaces that are neither the project's nor a provider's."""
    found = []
    for key, text in texts.items():
        namespace, _, name = key.rpartition(":")
        if name in names and namespace not in (project, "pulumi", "") and not provider(namespace):
            found.append(MisplacedKey(namespace, name, text, key in secret_keys))
    return found


def provider_keys(namespace: str) -> bool:
    """Whether a namespace is a provider's: its SDK is installed, without which the program could not use it."""
    name = re.sub(r"\W", "_", namespace)
    return any(importlib.util.find_spec(f"{maker}_{name}") for maker in ("pulumi", "pulumiverse"))


def problems(
    found: Collection[MisplacedKey], *, project: str, there: Collection[str], defaults: Mapping[str, Any]
) -> list[Problem]:
    """A line for each, with the commands that move it. `there`: names that the project's own namespace has already."""
    misplaced, moved = [], set(there)
    for one in found:
        remove = f"pulumi config rm {one.key}"
        fix = remove if one.name in moved else f"{_move(one, project, defaults.get(one.name))} && {remove}"
        moved.add(one.name)
        misplaced.append(
            problem(
                "PHX-103",
                one.key,
                "[secret]" if one.secret else one.text,
                f"has no effect: keys of this program are those of its project, {project} (name in Pulumi.yaml)",
                fix,
            )
        )
    return misplaced


def _move(one: MisplacedKey, project: str, default: Any) -> str:
    """The command that sets it where it belongs: `pulumi config set` stores a list or an object as a mere text."""
    mine = f"{project}:{one.name}"
    if one.secret:
        return f"pulumi config get {one.key} | pulumi config set --secret {mine}"
    if isinstance(default, tuple | dict):
        try:
            said = {mine: {"value": one.text, "objectValue": json.loads(one.text)}}
            return f"pulumi config set-all --json {shlex.quote(json.dumps(said, ensure_ascii=False))}"
        except json.JSONDecodeError:
            pass
    dash = "-- " if one.text.startswith("-") else ""
    return f"pulumi config set {mine} {dash}{shlex.quote(one.text)}"
