"""Failures that a person can mend: their text is shown as it is, without a stack trace."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """Why something is refused: the value of a key, the rule that it breaks, and what to type against it."""

    key: str
    value: object
    rule: str
    fix: str

    def __str__(self) -> str:
        return f"  {self.key} = {self.value!r}: {self.rule}.\n      type: {self.fix}"


class UserError(Exception):
    """Why something is not done; the text says what to type."""


class StepError(UserError):
    """A failure of a step, told as what happened, why (in AWS's words where they are known), and what to type next."""

    def __init__(self, what: str, why: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.do = do

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append(f"Why: {_indented(self.why)}")
        if self.do:
            parts.append(f"Do:  {_indented(self.do)}")
        return "\n".join(parts)


def _indented(text: str) -> str:
    return text.strip().replace("\n", "\n     ")
