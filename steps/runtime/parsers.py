"""Texts of a step's options -> values. Each raises ValueError with the reason in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from core.names import ARN, COLORS, FINGERPRINT, GENERATION


def color(text: str) -> str:
    return matching(text, "|".join(COLORS), "neither blue nor green")


def generation(text: str) -> str:
    return matching(text, GENERATION.pattern, "not a generation (12 hexadecimal digits)")


def fingerprint(text: str) -> str:
    return matching(text, FINGERPRINT.pattern, "not a fingerprint (64 hexadecimal digits)")


def non_empty(text: str) -> str:
    return matching(text, r"\S(.*\S)?", "empty")


def path(text: str) -> str:
    return matching(text, r"/[!-~]*", "not a path (it begins with / and has no blanks)")


def arn(text: str) -> str:
    return matching(text, ARN.pattern, "not an ARN (arn:aws:SERVICE:REGION:ACCOUNT:...)")


def arn_or_empty(text: str) -> str:
    return text and arn(text)


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]+", text) or not low <= int(text) <= high:
            raise ValueError(f"not a whole number from {low} to {high}")
        return int(text)

    return parse


def boolean(text: str) -> bool:
    return matching(text, r"true|false", "neither true nor false") == "true"


def json_object(text: str) -> dict[str, object]:
    value = _json(text)
    if not isinstance(value, dict):
        raise ValueError('not a JSON object ({"key": "value"})')
    return value


def json_names(text: str) -> tuple[str, ...]:
    value = _json(text)
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError('not a JSON list of names (["one", "two"])')
    return tuple(value)


def matching(text: str, pattern: str, otherwise: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError(otherwise)
    return text


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
