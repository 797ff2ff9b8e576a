"""Property values as the stand-in holds them: plain Python, `Secret` around a secret, `UNKNOWN` for what a preview
cannot know. Also how they travel to the program (protobuf) and into the state (JSON, secrets encrypted).

Source of the wire's signatures: pulumi/pulumi, sdk/python/lib/pulumi/runtime/rpc.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"

Properties = dict[str, Any]


class Unknown:
    """A value that only an update can know."""

    def __repr__(self) -> str:
        return "[unknown]"

    def __reduce__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown, nor stored in plain text."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def from_wire(message: Any) -> Any:
    """A `Struct`, `ListValue` or `Value` of the program as plain values. Raises `ValueError` for assets."""
    if isinstance(message, struct_pb2.Struct):
        fields = {key: from_wire(value) for key, value in message.fields.items()}
        signature = fields.pop(SIGNATURE, None)
        if signature is None:
            return {key: value for key, value in fields.items() if value is not None}
        if signature != SECRET:
            raise ValueError("the stand-in knows plain values and secrets only, no assets, archives or references")
        return Secret(bare(fields["value"]))
    if isinstance(message, struct_pb2.ListValue):
        return [from_wire(item) for item in message.values]
    kind = message.WhichOneof("kind")
    if kind in ("struct_value", "list_value"):
        return from_wire(getattr(message, kind))
    if kind == "number_value":
        return int(message.number_value) if message.number_value.is_integer() else message.number_value
    if kind == "string_value":
        return UNKNOWN if message.string_value == rpc.UNKNOWN else message.string_value
    return message.bool_value if kind == "bool_value" else None


def to_wire(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as the program's SDK reads them."""
    struct = struct_pb2.Struct()
    struct.update(_wire(dict(properties)))
    return struct


def _wire(value: Any) -> Any:
    if value is UNKNOWN:
        return rpc.UNKNOWN
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": _wire(value.value)}
    if isinstance(value, dict):
        return {key: _wire(item) for key, item in value.items()}
    return [_wire(item) for item in value] if isinstance(value, list) else value


def bare(value: Any) -> Any:
    """The value without the marks of secrecy, for providers and for comparing."""
    if isinstance(value, Secret):
        return bare(value.value)
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list) else value


def contains(value: Any, kind: type) -> bool:
    """Whether a `Secret` or `Unknown` is anywhere inside."""
    if isinstance(value, kind):
        return True
    if isinstance(value, Secret):
        return contains(value.value, kind)
    if isinstance(value, dict):
        return any(contains(item, kind) for item in value.values())
    return isinstance(value, list) and any(contains(item, kind) for item in value)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal whatever their secrecy; an unknown equals nothing, itself included."""
    if contains(one, Unknown) or contains(other, Unknown):
        return False
    return bool(bare(one) == bare(other))


def to_json(value: Any, encrypt: Callable[[str], str]) -> Any:
    """The value for the state's file: secrets in the form of Pulumi's own checkpoints."""
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "ciphertext": encrypt(json.dumps(bare(value)))}
    if isinstance(value, dict):
        return {key: to_json(item, encrypt) for key, item in value.items()}
    return [to_json(item, encrypt) for item in value] if isinstance(value, list) else value


def from_json(value: Any, decrypt: Callable[[str], str]) -> Any:
    """The inverse of `to_json`."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return Secret(json.loads(decrypt(value["ciphertext"])))
        return {key: from_json(item, decrypt) for key, item in value.items()}
    return [from_json(item, decrypt) for item in value] if isinstance(value, list) else value


def reset(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Properties:
    """`new` with what `ignore_changes` names by `path` put back as `old` has it, and left out where old has none.

    `*` is everything; otherwise names joined by dots (`tags.Name`). Raises `ValueError` for other forms of a path.
    """
    if path == "*":
        return dict(old)
    if any(mark in path for mark in '*["]'):
        raise ValueError(f"the stand-in does not know this form of ignore_changes: {path}")
    first, _, rest = path.partition(".")
    if not rest:
        kept = {key: value for key, value in new.items() if key != first}
        return {**kept, first: old[first]} if first in old else kept
    before, after = bare(old.get(first)), bare(new.get(first))
    if not isinstance(before, dict) or not isinstance(after, dict):
        return dict(new)
    return {**new, first: reset(rest, before, after)}
