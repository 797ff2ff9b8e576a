"""The stack's configuration as it was typed: the bare words of Pulumi.STACK.yaml, before Pulumi has read them.

Only words for messages come from here, and the answer to one question that what arrived can't answer: was it altered on
the way? The file may be another one (`--config-file`, an ESC environment): whoever asks compares.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi


@dataclass(frozen=True)
class TypedWords:
    """Keys of a project with what stands behind them, every scalar a text as it was written.

    `file`: its name; empty when values came from a program. `within`: the service whose keys these are, in a program
    with several.
    """

    keys: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    within: str = ""

    def word(self, *path: str | int) -> str | None:
        """The scalar at a path, as it was written; None when there is none."""
        found: Any = self.keys
        for part in path:
            if isinstance(found, dict):
                found = found.get(part)
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found if isinstance(found, str) else None

    def sealed(self, key: str) -> list[tuple[str | int, ...]]:
        """The paths below a key that are encrypted; the key alone when nobody knows which."""
        return list(_sealed((key,), self.keys.get(key))) or [(key,)]

    def path(self, *path: str | int) -> str:
        """A path for `pulumi config`, as a shell takes it: `environment.NAME`, `'alarms[0]'`."""
        first, *rest = [self.within, *path] if self.within else path
        return shlex.quote(str(first) + "".join(_step(part) for part in rest))

    def at(self, *path: str | int) -> str:
        """`--path` and a path, or a key alone."""
        flag = "--path " if self.within or len(path) > 1 else ""
        return flag + self.path(*path)


def read_typed(folder: Path, *, stack: str, project: str) -> TypedWords:
    """What the stack's file says; nothing when there is none, or it can't be read here."""
    for suffix in ("yaml", "yml"):
        name = f"Pulumi.{stack}.{suffix}"
        try:
            text = (folder / name).read_text(encoding="utf-8-sig")
            said = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (it makes texts, lists and objects alone)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        config = said.get("config") if isinstance(said, dict) else None
        if isinstance(config, dict):
            # A key without a namespace is the project's.
            return TypedWords({key.removeprefix(f"{project}:"): value for key, value in config.items()}, name)
    return TypedWords(file=f"Pulumi.{stack}.yaml")


def _sealed(path: tuple[str | int, ...], found: Any) -> Iterator[tuple[str | int, ...]]:
    if isinstance(found, dict):
        if list(found) == ["secure"]:
            yield path
            return
        for name, value in found.items():
            yield from _sealed((*path, name), value)
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from _sealed((*path, number), value)


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[\w-]+", part) else f'["{part}"]'
