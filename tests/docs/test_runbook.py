"""The runbook and the configuration's page say what the source says: nothing is missing, nothing is stale."""

from __future__ import annotations

import re
import runpy
from collections import defaultdict
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal import PROJECT
from tools import describe_messages
from tools.describe_messages import CODE, HOLE, ROW

CONFIGURATION: dict[str, Any] = runpy.run_path(str(PROJECT / "tools" / "describe_configuration.py"))
RUNBOOK = describe_messages.PAGE.read_text()
ROWS = [row[1] for row in ROW.finditer(RUNBOOK)]
GONE = set(CODE.findall((PROJECT / "docs" / "contracts.md").read_text().partition("Gone:")[2].partition("\n\n")[0]))
SAID = describe_messages.messages()


def test_every_message_has_a_code() -> None:
    """Types see to it that there is a first argument; that it is a code, and the message can be read, is seen here."""
    assert not [one.place for one in SAID if not one.code or not one.text.strip(f"{HOLE} ")]


def test_a_code_means_one_message() -> None:
    texts = defaultdict(set)
    for one in SAID:
        texts[one.code].add(one.text)
    assert not {code: found for code, found in texts.items() if len(found) > 1}


def test_every_message_is_in_the_runbook() -> None:
    missing = {one.code: one.place for one in SAID if one.code not in ROWS}
    assert not missing, "say in docs/runbook.md what it means and what to do"


def test_the_runbook_knows_no_message_that_nobody_says_any_more() -> None:
    assert sorted(ROWS) == sorted({one.code for one in SAID} & {*ROWS})


def test_the_runbook_has_the_words_of_the_source() -> None:
    assert describe_messages.page(RUNBOOK, {one.code: one.text for one in SAID}) == RUNBOOK, (
        "a message has other words now; do: PYTHONPATH=. .venv/bin/python tools/describe_messages.py"
    )


def test_no_page_speaks_of_a_code_that_there_is_not() -> None:
    pages = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    assert not {code for page in pages for code in CODE.findall(page.read_text())} - {*ROWS, *GONE}


def test_the_code_of_a_message_that_is_gone_is_never_given_to_another() -> None:
    assert not {one.code for one in SAID} & GONE


def test_messages_are_read_off_every_way_to_make_one() -> None:
    source = """
raise StepError("PHX-001", f"the group {name} is not there\\nand more", do="x")
yield problem("PHX-002", key, value, "must be " f"{least} or more" + more, fix)
raise StepError(error.code, error.what)
warn(coded("PHX-003", text))
raise StepError("the group is gone")
raise StepError(code="PHX-005", what="read by its place")
shout("PHX-004", "nobody has heard of this maker")
"""
    assert {one.place: (one.code, one.text) for one in describe_messages.made(source, "x")} == {
        "x:2": ("PHX-001", "the group … is not there"),
        "x:3": ("PHX-002", "must be … or more…"),
        "x:5": ("PHX-003", "…"),
        "x:6": ("", ""),
        "x:7": ("", ""),
        "x:8": ("PHX-004", ""),
    }


def test_a_script_s_messages_are_read_too() -> None:
    script = """a\nold) echo "PHX-001: no '$python' here: $said" >&2; exit 1 ;;\necho "$advice"\n"""
    assert [(one.code, one.text, one.place) for one in describe_messages.echoed(script)] == [
        ("PHX-001", "no '…' here: …", "steps/run:2")
    ]


def test_nothing_is_told_past_the_ways_that_have_codes() -> None:
    """Errors of the program and warnings, whose makers are Pulumi's and Python's own."""
    past = re.compile(
        r"""(RunError|log\.warn|log\.error)\(\s*f?["']|["']warning: [^"']|SystemExit\(\s*f?["']|sys\.exit\(\s*f?["']"""
    )
    files = [file for folder in describe_messages.FOLDERS for file in (PROJECT / folder).rglob("*.py")]
    assert not [str(file) for file in files if ".venv" not in file.parts and past.search(file.read_text())]


def test_the_tool_rewords_the_message_and_nothing_else() -> None:
    row = "| PHX-001 | `old` | what `it` means | do `a` \\| `b` |\n"
    assert describe_messages.page(f"x\n{row}", {"PHX-001": "new | …"}) == "x\n" + row.replace("`old`", "`new \\| …`")
    assert describe_messages.page(row, {}) == row


def test_the_page_of_the_configuration_is_that_of_pulumi_yaml_and_the_rules() -> None:
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    assert CONFIGURATION["PAGE"].read_text() == CONFIGURATION["page"](project, CONFIGURATION["rules"]()), (
        "Pulumi.yaml or a rule has changed; do: PYTHONPATH=. .venv/bin/python tools/describe_configuration.py"
    )


def test_every_link_between_the_pages_leads_somewhere() -> None:
    names = ("how-it-works", "configuration", "runbook", "one-image", "package")
    pages = [
        PROJECT / "README.md",
        PROJECT / "examples" / "two-services" / "README.md",
        *(PROJECT / "docs" / f"{name}.md" for name in names),
        *(PROJECT / "docs" / "decisions").glob("*.md"),
    ]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} leads to {target}"
