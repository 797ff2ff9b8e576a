"""The rollout plan in words: what an update will do, for whoever reads it before it is done. Pure but for `publish`.

One text for the terminal, and the same as Markdown for a pull request's comment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core import plain_text
from core.errors import coded
from plan.report.changelog import Changelog
from plan.report.markdown import comment_mark, escape_markdown, fenced_block

# The file that the plan is written to as Markdown, when this variable names one.
VARIABLE = "PHOENIX_PLAN_MARKDOWN"


@dataclass(frozen=True)
class PlanReport:
    """The words of a plan: a headline, and rows of a word and its lines. `changes`: git's words about the image."""

    identity: str  # SERVICE/STACK
    stack: str
    headline: str
    rows: tuple[tuple[str, str], ...]
    changes: Changelog | None = None

    @property
    def text(self) -> str:
        """A block for the terminal."""
        lines = [f"  {key:<11} {text}" for key, text in self.rows]
        if self.changes:
            lines += [
                f"  {key:<11} {text}"
                for key, text in zip(
                    ["git", *[""] * len(self.changes.lines)], _changelog_lines(self.changes), strict=False
                )
            ]
        return "\n".join([f"rollout plan of {self.identity}: {self.headline}", *map(plain_text.printable, lines)])

    @property
    def markdown(self) -> str:
        """The same as a comment: GitHub-flavoured, with a mark by which a later one finds it."""
        rows = [f"| {key} | {escape_markdown(text)} |" for key, text in self.rows]
        parts = [
            comment_mark(self.stack),
            f"### Rollout plan of {escape_markdown(self.identity)}",
            "",
            f"**{escape_markdown(self.headline)}**",
            "",
            "| | |",
            "|---|---|",
            *rows,
        ]
        if self.changes:
            said = _changelog_lines(self.changes)
            parts += [
                "",
                f"<details><summary>{escape_markdown(said[0])}</summary>",
                "",
                *fenced_block(said[1:]),
                "",
                "</details>",
            ]
        return "\n".join(parts) + "\n"


def publish(markdown: str, environment: Mapping[str, str] = os.environ) -> str:
    """Writes Markdown to the file that the environment names, if it names one. Returns why it could not, in a line.

    Never raises: no file is worth an update, or the words of why there is none.
    """
    name = environment.get(VARIABLE, "")
    try:
        if name:
            Path(name).write_text(markdown, encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return coded(
            "PHX-224",
            f"{VARIABLE} = {name!r}: the plan could not be written there ({why}); what is in it may be an older one",
        )
    return ""


def refusal_markdown(stack: str, why: str) -> str:
    """Markdown for an update that is refused before it begins."""
    return (
        "\n".join(
            [
                comment_mark(stack),
                f"### Rollout plan of {escape_markdown(stack)}",
                "",
                "**nothing will happen: it is refused**",
                "",
                *fenced_block(why.splitlines()),
            ]
        )
        + "\n"
    )


def _changelog_lines(log: Changelog) -> list[str]:
    if log.problem:
        return [log.problem]
    if not log.lines:
        return [f"nothing changed in the image's folder since {log.since}, the live image's commit"]
    return [f"since {log.since}, the live image's commit, in the image's folder:", *log.lines]
