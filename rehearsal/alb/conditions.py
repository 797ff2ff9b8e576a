"""Whether a request meets a listener rule's conditions: pure.

Source: "Condition types for listener rules" in AWS's guide to Application Load Balancers: `*` stands for any number of
characters, `?` for one; paths are compared with their case, hosts and header values without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    """Without the query string."""
    host: str
    """Without the port."""
    headers: Mapping[str, str]
    """Keys in lower case."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Met when the field's value matches any of the patterns."""

    field: str
    patterns: tuple[re.Pattern[str], ...]
    header: str = ""

    def matches(self, request: Request) -> bool:
        value: str | None
        if self.field == "path-pattern":
            value = request.path
        elif self.field == "host-header":
            value = request.host
        elif self.field == "http-request-method":
            value = request.method
        else:
            value = request.headers.get(self.header)
        return value is not None and any(pattern.fullmatch(value) for pattern in self.patterns)


class UnknownCondition(ValueError):  # noqa: N818 - it says what it is
    """A condition type that this balancer does not know."""


def condition(data: Mapping[str, Any]) -> Condition:
    """From ELB's own form of a condition. Raises UnknownCondition."""
    field = data["Field"]
    if field == "path-pattern":
        return _condition(field, data.get("PathPatternConfig", data)["Values"], ignore_case=False)
    if field == "host-header":
        return _condition(field, data.get("HostHeaderConfig", data)["Values"], ignore_case=True)
    if field == "http-request-method":
        return _condition(field, data["HttpRequestMethodConfig"]["Values"], ignore_case=False)
    if field == "http-header":
        config = data["HttpHeaderConfig"]
        return _condition(field, config["Values"], ignore_case=True, header=config["HttpHeaderName"].lower())
    raise UnknownCondition(f"the rehearsal's balancer knows no condition {field!r}")


def _condition(field: str, values: list[str], *, ignore_case: bool, header: str = "") -> Condition:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return Condition(field=field, header=header, patterns=tuple(re.compile(glob(v), flags) for v in values))


def host(header: str | None) -> str:
    """The host of a Host header, without its port."""
    name, colon, port = (header or "").rpartition(":")
    return name if colon and port.isdigit() else header or ""


def glob(pattern: str) -> str:
    """A regular expression for ELB's wildcards."""
    return "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
