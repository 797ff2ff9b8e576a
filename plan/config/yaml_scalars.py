"""How Pulumi reads a bare word of a stack's file: what go-yaml takes for a number, a date or nothing at all.

Sources: go-yaml v3, resolve.go; pulumi, sdk/go/common/workspace/loaders.go (the file is read, written and read again)
and sdk/go/common/resource/config/object.go. What Pulumi 3.260 made of each form is in
tests/unit/plan/config/test_yaml_scalars.py.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

NOTHING = ("", "~", "null", "Null", "NULL")
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_INSTANT = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})[Tt ](\d{1,2}:\d{1,2}:\d{1,2})(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# A date as it arrives: go's time.Time.String().
DATED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [-+]\d{4} (?:UTC|[-+]\d{4})")

Scalar = str | int | float | bool | None


def read(word: str) -> Scalar:
    """What a bare word means. Dates are texts of another shape; whole floats are integers."""
    if word in NOTHING:
        return None
    if word in _TRUTHS:
        return _TRUTHS[word]
    if word[0] not in "+-.0123456789":
        return word
    if (moment := _moment(word)) is not None:
        return moment
    plain = word if word[0] == "." else word.replace("_", "")
    whole = _whole(plain)
    if whole is not None:
        return whole
    if not _FLOAT.fullmatch(plain):
        return word
    number = float(plain)
    if number in (float("inf"), float("-inf")):
        return word
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def text(value: Scalar) -> str:
    """A value as the program gets it; nothing is the empty text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _whole(plain: str) -> int | None:
    """An integer of Go's strconv.ParseInt with base 0, where a leading zero alone means octal."""
    try:
        number = int(plain, 8) if re.fullmatch(r"[-+]?0[0-7]+", plain) else int(plain, 0)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**64 else None


def _moment(word: str) -> str | None:
    try:
        if match := _DATE.fullmatch(word):
            return f"{datetime(*map(int, match.groups())):%Y-%m-%d} 00:00:00 +0000 UTC"  # type: ignore[arg-type]
        if match := _INSTANT.fullmatch(word):
            moment = datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S")
            part = (match[3] or "").rstrip("0").rstrip(".")
            zone = (match[4] or "Z").replace(":", "")
            return f"{moment:%Y-%m-%d %H:%M:%S}{part} {'+0000 UTC' if zone == 'Z' else f'{zone} {zone}'}"
    except ValueError:
        return None
    return None
