"""What the two engines share: configuration values as `pulumi config set` takes them, and the environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

# Nothing of these reaches the engine from the shell that the rehearsal runs in: credentials and regions of real
# accounts, and a backend that is not the rehearsal's own.
FOREIGN = re.compile(r"AWS_|PHOENIX_|PULUMI_(ACCESS_TOKEN|BACKEND_URL|CONFIG|STACK|OPERATION)")
PASSPHRASE = "rehearsal"


def flatten(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """(path, text) for every scalar of a value: `a[0]`, `b.name`, or just the key."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            plain = re.fullmatch(r"[A-Za-z_]\w*", name)
            yield from flatten(f"{key}.{name}" if plain else f'{key}["{name}"]', item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from flatten(f"{key}[{number}]", item)
    elif isinstance(value, bool):
        yield key, "true" if value else "false"
    else:
        yield key, str(value)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of an engine: this process's without what is foreign, and what is given on top.

    The steps of an update run by the interpreter that runs the rehearsal, unless the project has one of its own.
    """
    inherited = {key: value for key, value in os.environ.items() if not FOREIGN.match(key)}
    python = {"PHOENIX_PYTHON": sys.executable}
    if sys.prefix != sys.base_prefix:
        python["VIRTUAL_ENV"] = sys.prefix
    return {**inherited, **python, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, "PYTHONUNBUFFERED": "1", **given}
