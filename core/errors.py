"""The one kind of failure that a step tells its user about."""

from __future__ import annotations


class StepError(Exception):
    """A failure, told as what happened, why (in AWS's words where they are known), and what to type next."""

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
