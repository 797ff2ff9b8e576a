"""What a rule that joins keys of the configuration yields, and what to type against it."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem

# Each with the keys that the rule reads.
BrokenConstraints = Iterator[tuple[tuple[str, ...], Problem]]


def command(key: str, example: str) -> str:
    """What to type to set a key; lists and objects are written in the stack's file."""
    if key == "previewToken":
        return "make preview-token STACK=..."
    return f"in Pulumi.STACK.yaml, {key}: {example}" if example[:1] in "[{" else f"pulumi config set {key} {example}"
