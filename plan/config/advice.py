"""What messages advise to type, in a program of several services: each has its keys in an object of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

# The flags of `pulumi config set` that take a value of their own.
_FLAGS = r"(?:--type string |--(?!path)[\w-]+ )*"


def for_service(text: str, service: str, keys: Collection[str]) -> str:
    """The same text, whose commands set, get and remove keys of `service`: `--path shop.active` for `active`."""
    key = "|".join(sorted(map(re.escape, keys), key=len, reverse=True))
    command = re.compile(rf"\b(pulumi config (?:set|get|rm) )({_FLAGS})(?:--path )?({_FLAGS})('?)({key})(?![\w:-])")
    return command.sub(rf"\1\2\3--path \g<4>{service}.\5", text)
