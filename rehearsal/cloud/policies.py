"""What policies say of an action, as IAM decides it: a denial wins, and what nothing allows is refused. Pure.

Source: "Policy evaluation logic" and "IAM JSON policy elements" in the IAM user guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]
# What a request says: one value of a key, or several of one that has many (aws:TagKeys).
Context = Mapping[str, str | Sequence[str]]
# Operators of conditions: whether their values are patterns, and whether they hold for what is none of these.
OPERATORS = {
    "StringEquals": (False, False),
    "StringLike": (True, False),
    "StringNotEquals": (False, True),
    "StringNotLike": (True, True),
    "ArnEquals": (True, False),
    "ArnLike": (True, False),
    "Bool": (False, False),
}


def allowed(statements: Iterable[Statement], action: str, resource: str, context: Context | None = None) -> bool:
    """Raises ValueError for a condition that this does not know, so that nobody takes it for one that holds."""
    effects = {statement["Effect"] for statement in statements if _concerns(statement, action, resource, context or {})}
    return "Allow" in effects and "Deny" not in effects


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """Those of a policy's document; a lone one need not be in a list."""
    said = document["Statement"]
    return said if isinstance(said, list) else [said]


def _concerns(statement: Statement, action: str, resource: str, context: Context) -> bool:
    return (
        _names(statement, "Action", action.lower(), str.lower)
        and _names(statement, "Resource", resource, str)
        and conditions_hold(statement, context)
    )


def conditions_hold(statement: Statement, context: Context) -> bool:
    """Whether all conditions of a statement do. Raises ValueError for one that this does not know."""
    return all(
        holds(operator, listed(values), context.get(key))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def holds(operator: str, values: Sequence[str], said: str | Sequence[str] | None) -> bool:
    """Whether a condition holds for what a request says of its key (None: nothing).

    Raises ValueError for an operator that this does not know. Sources: "IAM JSON policy elements: Condition operators"
    and "Set operators for multivalued context keys", IAM user guide.
    """
    if operator == "Null":
        return values == [str(said is None).lower()]
    of_all, known = operator.startswith("ForAllValues:"), operator.removeprefix("ForAllValues:")
    known = known.removesuffix("IfExists")
    if known not in OPERATORS:
        raise ValueError(f"the local cloud knows no condition {operator}")
    pattern, other = OPERATORS[known]
    if said is None:
        return other or of_all or operator.endswith("IfExists")
    right = [
        any(matches(value, one) if pattern else value == one for value in values) is not other for one in listed(said)
    ]
    return all(right) if of_all or other else any(right)


def _names(statement: Statement, element: str, value: str, form: Any) -> bool:
    if f"Not{element}" in statement:
        return not any(matches(form(pattern), value) for pattern in listed(statement[f"Not{element}"]))
    return any(matches(form(pattern), value) for pattern in listed(statement[element]))


def matches(pattern: str, value: str) -> bool:
    """`*` is any text, `?` any character."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, re.DOTALL) is not None


def leading_keys(request: Mapping[str, Any]) -> Context:
    """What IAM is told of a request to DynamoDB: the keys of what it is about; a scan has none.

    Source: "Using IAM policy conditions for fine-grained access control", Amazon DynamoDB developer guide.
    """
    item = request.get("Key") or request.get("Item")
    return {"dynamodb:LeadingKeys": [item["id"]["S"]]} if item else {}


def listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
