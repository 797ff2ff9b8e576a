"""Pulumi's YAML files as go-yaml reads them: PyYAML keeps to an older YAML, whose `yes` is true and whose `1e3` a text.

Source: plan/config/yaml_scalars.py. Written, a text that would be read as something else gets quotes.
"""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config import yaml_scalars

BARE = "tag:phoenix,2026:bare"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0] and value != "<<":
            return BARE
        return super().resolve(kind, value, implicit)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    pass


def _bare(loader: Any, node: Any) -> Any:
    return yaml_scalars.read(node.value)


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if yaml_scalars.read(text) == text else '"'
    )


_Loader.add_constructor(BARE, _bare)
_Dumper.add_representer(str, _text)


def load(text: str) -> Any:
    """What a file says."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)


def dump(said: Any) -> str:
    """A file that says it."""
    return str(yaml.dump(said, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
