"""Texts of others as a terminal and a CI system may show them: consoles of servers, AWS's words, Packer's, commits'.

A terminal obeys control characters, and CI systems obey lines of what a job prints: GitHub's runner takes a line that
begins with `::`, and `##[` anywhere in one, for a command (actions/runner, ActionCommand.cs); Azure's `##vso[`. Pure.
"""

from __future__ import annotations

import re

# Colors and other commands of terminals (ECMA-48: CSI and OSC), whole.
TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
# What is left of control characters; what turns the direction of text; lines' and paragraphs' ends that are none here.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COMMAND = re.compile(r"(?m)^\s*:(?=:)|#(?=#\w*\[)")


def printable(text: str) -> str:
    """The text without what a terminal obeys, and with a blank in what a CI system would. Lines end with \\n alone."""
    seen = CONTROL.sub(" ", TERMINAL.sub("", text.replace("\r\n", "\n")))
    return COMMAND.sub(lambda found: found[0] + " ", seen)


def one_line(text: str) -> str:
    """The same without its line breaks."""
    return printable(" ".join(text.splitlines()))
