"""Rules for single configuration values: text in, typed value out.

Each rule is a function from the text that Pulumi stores (JSON for arrays and objects) to a value. A value that
breaks it raises `ValueError` whose text completes the sentence "KEY must be ...".
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

from core import base_images
from core.names import AMI, TYPED_FINGERPRINT

Validator = Callable[[str], Any]

# A variable of a step's environment holds them, and Linux takes 128 KiB for one (execve(2)).
MOST_OF_HOOKS = 60_000
HOOKS = (
    "an object of hooks: afterVerify, beforeShift, atShareN (N is one of canarySteps), afterPromote and onRollback,"
    " each a shell command, or an object of one of command, lambda and document, and timeoutSeconds"
    f" (all in {MOST_OF_HOOKS} characters)"
)

BASE_IMAGES = tuple(base_images.VENDORS)


def integer(least: int, most: int, unit: str = "") -> Validator:
    """A whole number from `least` to `most`."""

    def rule(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,9}", text.strip()) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}{unit and ' ' + unit}")
        return int(text)

    return rule


def boolean(text: str) -> bool:
    """true or false, as Pulumi writes them."""
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def one_of(*choices: str) -> Validator:
    """One of a few words."""

    def rule(text: str) -> str:
        if text not in choices:
            raise ValueError(", ".join(choices[:-1]) + f" or {choices[-1]}")
        return text

    return rule


def matching(pattern: str, words: str, *, empty: bool = False) -> Validator:
    """Text that a regular expression matches whole; `words` says the same to a person."""
    compiled = re.compile(pattern)

    def rule(text: str) -> str:
        if not (text == "" and empty) and not compiled.fullmatch(text):
            raise ValueError(words + (", or empty" if empty else ""))
        return text

    return rule


def as_written(parse: Callable[[str], object]) -> Validator:
    """A text that can be read, and stays as it is written."""

    def rule(text: str) -> str:
        parse(text)
        return text

    return rule


def list_of(item: Validator, most: int = 100) -> Validator:
    """A list of up to `most` different items that each keep a rule."""

    def rule(text: str) -> tuple[Any, ...]:
        values = _json(text, list, "a list")
        if len(values) > most or len(set(map(str, values))) != len(values):
            raise ValueError(f"a list of at most {most} different items")
        result = []
        for value in values:
            try:
                result.append(item(_text(value)))
            except ValueError as broken:
                raise ValueError(f"a list in which each item is {broken} ({value!r} is not)") from None
        return tuple(result)

    return rule


def mapping(key: str, key_words: str, value_words: str, *, lists: bool = False) -> Validator:
    """An object of plain strings: names that match `key`, values without line breaks, quotes or backslashes.

    `lists`: a value may be a list of such, which becomes a tuple.
    """
    compiled = re.compile(key)

    def rule(text: str) -> dict[str, str | tuple[str, ...]]:
        values = _json(text, dict, "an object of names and texts")
        for name, value in values.items():
            if not compiled.fullmatch(name):
                raise ValueError(f"an object in which each name is {key_words} ({name!r} is not)")
            if not all(map(_plain, value if lists and isinstance(value, list) else [value])):
                raise ValueError(f"an object in which each value is {value_words} ({name}'s is not)")
        return {
            name: tuple(map(_text, value)) if isinstance(value, list) else _text(value)
            for name, value in values.items()
        }

    return rule


def hook_object(text: str) -> dict[str, Any]:
    """An object of hooks, each as it was written; `hook_constraints` has the rules of one."""
    hooks = _json(text, dict, HOOKS) if len(text) <= MOST_OF_HOOKS else None
    if hooks is None:
        raise ValueError(HOOKS)
    return dict(hooks)


def cidr(least: int, most: int) -> Validator:
    """An IPv4 network in CIDR notation with a prefix from /`least` to /`most` and no host bits."""

    def rule(text: str) -> str:
        try:
            network = ipaddress.IPv4Network(text)
        except ValueError:
            network = None
        if network is None or "/" not in text or not least <= network.prefixlen <= most:
            raise ValueError(f"an IPv4 network such as 10.20.0.0/16, its prefix from /{least} to /{most}")
        return text

    return rule


def network(text: str) -> str:
    """An IPv4 or an IPv6 network in CIDR notation without host bits."""
    try:
        known = "/" in text and ipaddress.ip_network(text)
    except ValueError:
        known = False
    if not known:
        raise ValueError("a network such as 10.20.0.0/16 or 2001:db8::/32")
    return text


def base_image(text: str) -> str:
    """A vendor's image: by its short name, by the path of a public SSM parameter, or by id."""
    if text not in BASE_IMAGES and not AMI.fullmatch(text) and not re.fullmatch(r"/[\w./-]{1,1000}", text):
        raise ValueError(f"one of {', '.join(BASE_IMAGES)}, the path of an SSM parameter, or an ami- id")
    return text


def image(text: str) -> str:
    """An image of this service that exists: its fingerprint, or its id."""
    if text and not AMI.fullmatch(text) and not TYPED_FINGERPRINT.fullmatch(text):
        raise ValueError("empty, a fingerprint (its first 12 hex digits or more), or an ami- id")
    return text


def slow_start(text: str) -> int:
    """Seconds in which a new server's share of requests grows; 0 gives it all of it at once.

    AWS takes 30 to 900 (Elastic Load Balancing API reference, TargetGroupAttribute).
    """
    if not re.fullmatch(r"0|[1-9]\d{1,2}", text) or not (text == "0" or 30 <= int(text) <= 900):
        raise ValueError("a number from 30 to 900 (seconds), or 0")
    return int(text)


def token(text: str) -> str:
    """A value for the preview header: hard to guess, and without the wildcards that an ALB gives * and ?.

    An ALB compares header values without regard to case, up to 128 characters:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{20,128}", text):
        raise ValueError("20 to 128 letters, digits, - or _")
    return text


def path(text: str) -> str:
    """The path of a URL, up to 1,024 characters (the limit for health checks)."""
    if not re.fullmatch(r"/[!-~]{0,1023}", text):
        raise ValueError("a path that begins with / and has no spaces, at most 1,024 characters")
    return text


def _json(text: str, kind: type, words: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        raise ValueError(words)
    return value


def _plain(value: Any) -> bool:
    return not isinstance(value, dict | list) and not re.search(r'[\x00-\x1f\x7f"\\]', _text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
