"""What policies say of an action, as IAM decides it: a denial wins, and what nothing allows is refused. Pure.

Source: "Policy evaluation logic" and "IAM JSON policy elements" in the IAM user guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Statement = Mapping[str, Any]
# Operators of conditions, and whether their values are patterns.
OPERATORS = {"StringEquals": False, "StringLike": True, "ArnEquals": True, "ArnLike": True}


def allowed(
    statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Raises ValueError for a condition that this does not know, so that nobody takes it for one that holds."""
    effects = {statement["Effect"] for statement in statements if _concerns(statement, action, resource, context or {})}
    return "Allow" in effects and "Deny" not in effects


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """Those of a policy's document; a lone one need not be in a list."""
    said = document["Statement"]
    return said if isinstance(said, list) else [said]


def _concerns(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    if not _names(statement, "Action", action.lower(), str.lower) or not _names(statement, "Resource", resource, str):
        return False
    for operator, keys in statement.get("Condition", {}).items():
        if operator not in OPERATORS:
            raise ValueError(f"the local cloud knows no condition {operator}")
        for key, values in keys.items():
            if key not in context or not any(
                matches(value, context[key]) if OPERATORS[operator] else value == context[key]
                for value in listed(values)
            ):
                return False
    return True


def _names(statement: Statement, element: str, value: str, form: Any) -> bool:
    if f"Not{element}" in statement:
        return not any(matches(form(pattern), value) for pattern in listed(statement[f"Not{element}"]))
    return any(matches(form(pattern), value) for pattern in listed(statement[element]))


def matches(pattern: str, value: str) -> bool:
    """`*` is any text, `?` any character."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, re.DOTALL) is not None


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
