"""docs/evidence.md says where a fact was seen, and says no more of AWS than the records of runs there do."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal import PROJECT
from rehearsal.scenario.record import AWS, LOCAL, Record, read

TOOL: dict[str, Any] = runpy.run_path(str(PROJECT / "tools" / "evidence.py"))
TEST = "tests/docs/test_evidence.py::test_the_page_says_what_its_records_say"
RECORD = Record(
    cloud=LOCAL,
    engine="pulumi 3.260.0",
    aws_plugin="7.51.1",
    packer="1.16.0",
    servers="processes",
    region="eu-west-1",
    date="2026-11-27T12:00:00Z",
    commit="0123456",
    held=("flip to green",),
    figures={"requests": 1234, "failed": 0, "flip_seconds": 9.5},
)
DRILL = replace(RECORD, cloud=AWS, date="2026-12-01T12:00:00Z", region="eu-central-1", servers="EC2 instances")


def page(row: str, records: list[Record]) -> str:
    said: str = TOOL["page"](f"{TOOL['BEGIN']}\n{TOOL['END']}\n{row}\n", records)
    return said.splitlines()[-1]


def test_the_page_says_what_its_records_say() -> None:
    text = TOOL["PAGE"].read_text()
    assert text == TOOL["page"](text, TOOL["records"](TOOL["FOLDER"])), (
        "docs/evidence.md differs from its records; do: .venv/bin/python tools/evidence.py"
    )


@pytest.mark.parametrize(
    "records",
    [
        [],
        [RECORD],
        [replace(DRILL, held=("birth of blue",))],
        # Whatever the cloud was: a stand-in does not make what Pulumi makes.
        [replace(DRILL, engine="stand-in")],
    ],
)
def test_nobody_says_aws_without_a_run_there(records: list[Record]) -> None:
    with pytest.raises(ValueError, match="no record of a run on AWS holds it; say documented, local, engine"):
        page("| It is so | a book | `scenario: flip to green` | aws |", records)


@pytest.mark.parametrize(
    ("records", "holder", "seen"),
    [
        ([], f"`{TEST}`", "local"),
        ([RECORD], "`scenario: flip to green`", "engine"),
        ([DRILL, RECORD], "`scenario: birth of blue`, `tests/docs/test_evidence.py`", "machine"),
        ([], "nothing", "documented"),
    ],
)
def test_what_a_person_says_of_lesser_places_stays(records: list[Record], holder: str, seen: str) -> None:
    row = f"| It is so | a book | {holder} | {seen} |"
    assert page(row, records) == row


@pytest.mark.parametrize(
    ("record", "seen"),
    [
        (replace(RECORD, engine="stand-in"), "engine"),
        (replace(RECORD, packer="a stand-in for it"), "packer"),
        (RECORD, "machine"),
        (RECORD, "packer, machine"),
    ],
)
def test_a_stage_was_seen_where_a_run_shows_it_and_nowhere_else(record: Record, seen: str) -> None:
    row = f"| It is so | a book | `scenario: flip to green` | {seen} |"
    with pytest.raises(ValueError, match=f"says `{seen.split(', ')[-1]}`, and names neither a test nor a stage"):
        page(row, [record])
    real = replace(RECORD, servers="real operating systems (systemd-nspawn)")
    assert page(row, [record, real]) == row


def test_a_run_on_aws_is_told_with_its_region_and_day() -> None:
    known = [replace(DRILL, date="2026-10-01T12:00:00Z"), DRILL, RECORD]
    assert page("| It is so | a book | `scenario: flip to green` | local |", known) == (
        "| It is so | a book | `scenario: flip to green` | aws, eu-central-1, 2026-12-01 |"
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("| It is so | `tests/docs/test_evidence.py` | local |", "4 cells .*, not 3"),
        (
            f"| It is so | a book | `{TEST}` | everywhere |",
            "`everywhere` is none of documented, local",
        ),
        (
            "| It is so | a book | `tests/test_nothing.py` | local |",
            "names tests/test_nothing.py, and there is no",
        ),
        ("| It is so | a book | `tests/docs/test_evidence.py::test_no` | local |", "there is no such test"),
        ("| It is so | a book | nothing | local |", "names neither a test nor a stage"),
        ("| It is so | a book | `scenario: flip to green` | engine |", "names neither a test nor a stage"),
    ],
)
def test_a_row_that_can_not_be_so_is_refused(row: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        page(row, [])


def test_the_figures_of_aws_are_never_until_somebody_drills() -> None:
    rows = [line.split(" | ") for line in TOOL["figures"]([RECORD]).splitlines()]
    assert rows[2] == ["| seen", "never", "2026-11-27", "never |"]
    [failed] = [row for row in rows if row[0] == "| of them failed"]
    assert failed == ["| of them failed", "", "0", " |"]
    assert "| requests |  | 1,234 | 1,234 |" in TOOL["figures"]([RECORD, DRILL])


def test_a_record_is_taken_in_by_its_place_and_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, file = TOOL["main"].__globals__, tmp_path / "evidence.md"
    file.write_text(f"{TOOL['BEGIN']}\n{TOOL['END']}\n| It is so | a book | `scenario: flip to green` | |\n")
    monkeypatch.setitem(told, "PAGE", file)
    monkeypatch.setitem(told, "FOLDER", tmp_path / "evidence")
    assert TOOL["main"]([str(DRILL.write(tmp_path / "record.json"))]) == 0
    assert read(tmp_path / "evidence" / "2026-12-01-real-AWS.json") == DRILL
    assert "| aws, eu-central-1, 2026-12-01 |" in file.read_text()
    (tmp_path / "record.json").write_text('{"engine": "pulumi 3"}')
    assert TOOL["main"]([str(tmp_path / "record.json")]) == 1
    assert "record.json is no record of a run" in capsys.readouterr().err
