"""Words of a server, of AWS or of a commit are read by people, and obeyed by nobody."""

from __future__ import annotations

import io
import re

import pytest

from core.errors import StepError
from core.plain_text import one_line, printable
from core.progress import Progress, write
from tests.unit.steps.cloud import FakeClock

COMMANDS = [
    "::error::the build is broken",
    "  \t::set-output name=image::ami-0",
    "\u00a0::add-mask::e",
    "\ufffd\n::stop-commands::x",
    "fine\r::add-matcher::x.json",
    "fine\r\n::group::x",
    "fine\u2028::group::x",
    "a line with ##[add-matcher]x in it",
    "###[error]",
    "##vso[task.setvariable variable=PATH]/tmp",
    "\x1b[31m::error::in red",
    "\x1b]0;title\x07##[error]behind a title",
    "#\x1b[0m#[error]in pieces",
]


def obeyed(text: str) -> list[str]:
    """Lines that GitHub's runner would take for commands, read as it does (ActionCommand.cs), or Azure's would."""
    lines = re.split(r"\r\n|\r|\n", text)
    return [line for line in lines if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_ci_system_finds_no_command_in_it(text: str) -> None:
    assert obeyed(text) or "\x1b" in text or "\u2028" in text, "this test knows what one is"
    assert obeyed(printable(text)) == []
    assert obeyed(one_line(text)) == []


@pytest.mark.parametrize("text", COMMANDS)
def test_neither_in_a_steps_progress_nor_in_its_errors(text: str) -> None:
    written = io.StringIO()
    Progress(FakeClock(), stream=written).line(text)
    write(
        f"verify failed: {StepError('it was not verified', 'its console ends with:' + chr(10) + text, why=text)}",
        stream=written,
    )
    assert obeyed(written.getvalue()) == []


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::123456789012:role/x",
        "two lines\n  and an indent",
        "std::vector a::b",
        "# heading ## [1]",
        "Zürich, 東京\tend",
    ],
)
def test_what_is_no_command_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_a_terminal_gets_no_commands_and_nothing_is_turned_around() -> None:
    assert printable("\x1b[2J\x1b[1;31mred\x1b[0m \x07\x9b\u202egpj.exe") == "red    gpj.exe"
