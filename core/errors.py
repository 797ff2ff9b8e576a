"""Failures that a person can mend: their text is shown as it is, without a stack trace.

Each has a code, by which docs/runbook.md explains it. A code is written where its message is made, as the first
argument, and never means anything else later on.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


def coded(code: str, text: str) -> str:
    """A message as it is shown: with its code (PHX-NNN) before its first line."""
    return f"{code}: {text}"


def coded_warning(code: str, text: str) -> str:
    """A message of a step that goes on all the same."""
    return "warning: " + coded(code, text)


@dataclass(frozen=True)
class Problem:
    """Why something is refused, and what to type against it (empty where there is nothing to type)."""

    code: str
    what: str
    fix: str

    @property
    def title(self) -> str:
        """What is refused and why, without what to type."""
        return coded(self.code, self.what)

    def __str__(self) -> str:
        return "\n".join([self.title, *([textwrap.indent(f"type: {self.fix}", "    ")] if self.fix else [])])


def problem(code: str, key: str, value: object, rule: str, fix: str) -> Problem:
    """Why the value of a key is refused: the rule that it breaks."""
    return Problem(code, f"{key} = {value!r}: {rule}.", fix)


class UserError(Exception):
    """Why something is not done: everything that stands against it, at once. `head`: the line above all of it."""

    def __init__(self, *problems: Problem, head: str = "") -> None:
        self.problems = problems
        text = "\n".join(map(str, problems))
        super().__init__(f"{head}\n{textwrap.indent(text, '  ')}" if head else text)


class CodedError(UserError):
    """One thing that went wrong; `do` is what to type next."""

    def __init__(self, code: str, what: str, *, do: str = "") -> None:
        super().__init__(Problem(code, what, do))
        self.code = code
        self.what = what
        self.do = do

    @property
    def title(self) -> str:
        """What went wrong, without what to do."""
        return coded(self.code, self.what)


class StepError(CodedError):
    """A failure of a step, told as what happened, why (in AWS's words where they are known), and what to type next."""

    def __init__(self, code: str, what: str, *, why: str = "", do: str = "") -> None:
        super().__init__(code, what, do=do)
        self.why = why

    def __str__(self) -> str:
        parts = [self.title]
        if self.why:
            parts.append(f"Why: {_indented(self.why)}")
        if self.do:
            parts.append(f"Do:  {_indented(self.do)}")
        return "\n".join(parts)


def _indented(text: str) -> str:
    return text.strip().replace("\n", "\n     ")
