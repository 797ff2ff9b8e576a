"""Whoever names a branch, a commit, a tag or a resource writes no markup into a pull request's comment."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from plan.report.markdown import comment_mark, escape_markdown, fenced_block
from plan.report.report import PlanReport, refusal_markdown

WRITTEN = [
    "[click](https://evil.example)",
    "![](https://evil.example/seen.png)",
    "[click][1]",
    "<img src=x onerror=alert(1)>",
    "</details><script>x</script>",
    "<https://evil.example>",
    "a | b | c",
    "a \\| b",
    "a \\\\| b",
    "two\nlines",
    "cr\r# heading\r\r| x | y | z |",
    "~~gone~~ **bold** _it_ `code` ``two``",
    "$`formula`$ $x$",
    "&lt;img&gt; &#60;b&#62;",
    "&vert; &#124; c",
    "trailing \\",
    "``` </details>\n```",
]


def parsed(text: str) -> list[Token]:
    """What GitHub-flavoured Markdown makes of it."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def inside(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or []]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_row_has_two_cells_of_plain_text(text: str) -> None:
    report = PlanReport("shop/dev", "dev", text, (("note", text), ("end", "x")))
    tokens = parsed(report.markdown)
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(cells) == 4, "two rows of two cells"
    assert {child.type for child in inside(tokens)} <= {
        "text",
        "text_special",
        "strong_open",
        "strong_close",
        "html_inline",
    }
    assert {child.content for child in inside(tokens) if child.type == "html_inline"} <= {"<br>"}
    assert [token.content.strip() for token in tokens if token.type == "html_block"] == [comment_mark("dev")]
    last = [token.content for token in tokens if token.type == "inline"][-1]
    assert last == "x", "the table ends with its own last row"


@pytest.mark.parametrize("text", WRITTEN)
def test_a_refusal_and_gits_words_are_a_block_that_they_can_not_leave(text: str) -> None:
    kinds = [token.type for token in parsed(refusal_markdown("dev", text))]
    assert kinds == [
        "html_block",
        *("heading_open", "inline", "heading_close"),
        *("paragraph_open", "inline", "paragraph_close"),
        "fence",
    ]
    [block] = parsed("\n".join(fenced_block([text, "end"])))
    assert block.type == "fence" and block.content.endswith("\nend\n")


@pytest.mark.parametrize(
    "text",
    ["@everyone", "thanks @a-b/team", "fixes #12", "acme/shop#12", "GH-7", "https://evil.example", "www.evil.example"],
)
def test_nobody_is_called_and_nothing_is_linked_by_what_reads_the_finished_text(text: str) -> None:
    """GitHub looks for mentions, references and addresses in the text once it is no Markdown any more."""
    [token] = parsed(escape_markdown(text))[1:2]
    shown = "".join(child.content for child in token.children or [])
    assert not re.search(r"@\w|#\d|GH-\d|https?://|www\.", shown, re.IGNORECASE)
    assert shown.replace("\u200b", "") == text, "and a person reads the same"


def test_a_person_reads_the_same() -> None:
    text = "t3.small -> m5.large (2 servers), 10 % for 180 s; *.example.com [x] a_b <c> `d`"
    [token] = parsed(escape_markdown(text))[1:2]
    assert "".join(child.content for child in token.children or []) == text
