"""Markdown for a pull request's comment in which nobody's words become markup. Pure.

Commit subjects, tags and AWS's answers are written by whoever could push a branch or make a resource. GitHub makes
links, mentions, references and pictures of text in two passes: the parser's, which an entity in place of a character
stops (CommonMark, "Entity and numeric character references"), and one over the text that came out of it, where only a
character between stops it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from core import plain_text

# What CommonMark, GitHub's extensions (tables, strikethrough, formulas) and HTML give a meaning inside of a line.
MARKUP = re.compile(r"[\\`*_\[\]<>|~&$@]")
# What GitHub makes a mention, a reference or a link of, in text that is no markup any more.
FOUND_LATER = re.compile(r"@(?=\w)|#(?=\d)|\bGH-(?=\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)
# Nothing to see, and no part of a word.
BETWEEN = "\u200b"


def comment_mark(stack: str) -> str:
    """The first line of each plan's Markdown; unseen, the same for every plan of a stack."""
    return f"<!-- phoenix rollout plan of {stack} -->"


def fenced_block(lines: Iterable[str]) -> list[str]:
    """Lines as they are, whatever they hold: a fence longer than any in them."""
    said = [plain_text.one_line(line) for line in lines]
    fence = "```"
    while any(fence in line for line in said):
        fence += "`"
    return [fence + "text", *said, fence]


def escape_markdown(text: str) -> str:
    """Text for a table's cell or between HTML's tags, with nothing in it that would be taken for markup or a link."""
    lines = plain_text.printable(text).split("\n")
    apart = [FOUND_LATER.sub(lambda found: found[0] + BETWEEN, line) for line in lines]
    return "<br>".join(MARKUP.sub(lambda found: f"&#{ord(found[0])};", line) for line in apart)
