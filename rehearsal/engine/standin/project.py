"""The project's folder as the CLI reads it: Pulumi.yaml, the stack's file, defaults and types of configuration keys.

Source: pulumi/pulumi, pkg/workspace/config.go and sdk/go/common/workspace/project.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.engine.standin import stack_yaml
from rehearsal.engine.standin.crypto import Passphrase


class ConfigError(Exception):
    """The stack's configuration breaks the project's schema."""


@dataclass(frozen=True)
class Config:
    """A stack's configuration as the program gets it: every value a text, objects as JSON."""

    values: Mapping[str, str]
    secret_keys: frozenset[str]


class Project:
    """A folder with Pulumi.yaml, and one of its stacks."""

    def __init__(self, folder: Path, stack: str, phrase: str) -> None:
        self.folder, self.stack = folder, stack
        self._schema: dict[str, Any] = stack_yaml.load((folder / "Pulumi.yaml").read_text())
        self.name: str = self._schema["name"]
        self.file = folder / f"Pulumi.{stack}.yaml"
        self.settings: dict[str, Any] = (stack_yaml.load(self.file.read_text()) or {}) if self.file.exists() else {}
        if config := self.settings.get("config"):
            self.settings["config"] = {self.full(key): value for key, value in config.items()}
        self.passphrase = Passphrase(phrase, self.settings.get("encryptionsalt", ""))

    def config(self) -> Config:
        """The configuration with the project's defaults. Raises `ConfigError` as `pulumi up` does."""
        values: dict[str, Any] = dict(self.settings.get("config") or {})
        missing = []
        for key, declared in (self._schema.get("config") or {}).items():
            full = self.full(key)
            given = _declaration(declared)
            if full in values:
                continue
            if "value" in given or "default" in given:
                values[full] = given.get("default", given.get("value"))
            elif full.startswith(f"{self.name}:"):
                missing.append(key)
        if missing:
            listed = " and ".join(
                filter(None, [", ".join(f"'{key}'" for key in sorted(missing)[:-1]), f"'{sorted(missing)[-1]}'"])
            )
            plural = "s" if len(missing) > 1 else ""
            raise ConfigError(f"Stack '{self.stack}' is missing configuration value{plural} {listed}")
        opened = {key: self._open(value) for key, value in values.items()}
        self._check_types(opened, values)
        return Config(
            {key: _text(value) for key, value in opened.items()},
            frozenset(key for key, value in values.items() if _sealed(value)),
        )

    def full(self, key: str) -> str:
        """The key with its namespace, the project's own when it has none."""
        return key if ":" in key else f"{self.name}:{key}"

    def set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """What `pulumi config set` does. Comments in the stack's file are lost, unlike with the CLI."""
        held: Any = {"secure": self.passphrase.encrypt(value)} if secret else value
        if secret:
            self.settings["encryptionsalt"] = self.passphrase.salt_line
        config = self.settings.setdefault("config", {})
        if path:
            first, *rest = segments(key)
            full = self.full(str(first))
            config[full] = _put(config.get(full), rest, held if secret else _scalar(value))
        else:
            config[self.full(key)] = held
        self.save()

    def save(self) -> None:
        """Write the stack's file."""
        self.file.write_text(stack_yaml.dump(self.settings))

    def _open(self, value: Any) -> Any:
        if _is_secure(value):
            return self.passphrase.decrypt(value["secure"])
        if isinstance(value, dict):
            return {key: self._open(item) for key, item in value.items()}
        return [self._open(item) for item in value] if isinstance(value, list) else value

    def _check_types(self, opened: Mapping[str, Any], held: Mapping[str, Any]) -> None:
        for key in sorted(self._schema.get("config") or {}):
            given = _declaration(self._schema["config"][key])
            full = self.full(key)
            if "type" not in given or full not in opened:
                continue
            if given.get("secret") and not _sealed(held[full]):
                raise ConfigError(
                    f"Stack '{self.stack}' with configuration key '{key}' must be encrypted as it's secret"
                )
            # A bare word of its own is checked as the text that it becomes, one in a list as what YAML took it for.
            checked = opened[full] if isinstance(opened[full], dict | list) else _text(opened[full])
            if not _fits(checked, given["type"], given.get("items")):
                raise ConfigError(
                    f"Stack '{self.stack}' with configuration key '{key}' must be of type"
                    f" '{_type_name(given['type'], given.get('items'))}'"
                )


def segments(path: str) -> list[str | int]:
    """`a.b[0]["c d"]` as ["a", "b", 0, "c d"]."""
    found: list[str | int] = []
    rest = path
    while rest:
        if rest.startswith('["'):
            name, _, rest = rest[2:].partition('"]')
            found.append(name)
        elif rest.startswith("["):
            number, _, rest = rest[1:].partition("]")
            found.append(int(number))
        else:
            rest = rest.removeprefix(".")
            end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
            found.append(rest[:end])
            rest = rest[end:]
    return found


def _put(into: Any, path: list[str | int], value: Any) -> Any:
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        items = list(into or [])
        if first > len(items):
            raise ConfigError(f"array index {first} is out of range")
        return [*items[:first], _put(items[first] if first < len(items) else None, rest, value), *items[first + 1 :]]
    return {**(into or {}), first: _put((into or {}).get(first), rest, value)}


def _scalar(text: str) -> Any:
    """With --path the CLI takes numbers and booleans for what they look like; a leading zero makes a text."""
    if text in ("true", "false"):
        return text == "true"
    plain = text.lstrip("-").isdigit() and (text == "0" or not text.lstrip("-").startswith("0"))
    return int(text) if plain else text


def _declaration(declared: Any) -> dict[str, Any]:
    typed = isinstance(declared, dict) and {"type", "default", "value", "description", "secret"} & declared.keys()
    return declared if typed else {"value": declared}


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["secure"]


def _sealed(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_secure(value) or any(map(_sealed, value.values()))
    return isinstance(value, list) and any(map(_sealed, value))


def _text(value: Any) -> str:
    """Nothing is the empty text: loaders.go, checkForEmptyConfig."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _fits(value: Any, kind: str, items: Mapping[str, Any] | None) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "integer":
        if isinstance(value, str):
            return value.lstrip("+-").isdigit()
        return not isinstance(value, bool) and isinstance(value, int | float) and value == int(value)
    if kind == "boolean":
        return value in ("true", "false") or isinstance(value, bool)
    if kind == "object":
        return isinstance(value, dict)
    return (
        isinstance(value, list)
        and items is not None
        and all(_fits(item, items["type"], items.get("items")) for item in value)
    )


def _type_name(kind: str, items: Mapping[str, Any] | None) -> str:
    return f"array<{_type_name(items['type'], items.get('items'))}>" if kind == "array" and items else kind
