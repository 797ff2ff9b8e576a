"""docs/performance.md is written by the measurements: each has its block there, and each goal its row."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import goals, written
from bench.__main__ import MEASUREMENTS, SHORT
from bench.goals import GOALS, UNKNOWN

PAGE = written.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(MEASUREMENTS.keys() - SHORT))
def test_each_measurement_has_a_block_that_says_when_and_on_what_it_was_taken(name: str) -> None:
    said = written.block(PAGE, name)
    if said != UNKNOWN:
        found = written.TAKEN.fullmatch(said)
        assert found and found[1] == name, said[:200]


def test_each_goal_has_its_row() -> None:
    found = goals.parsed(written.block(PAGE, written.GOALS))
    assert list(found) == [goal.what for goal in GOALS]
    for goal in GOALS:
        now, day = found[goal.what]
        assert now == UNKNOWN or (day and now == goal.shown(float(now.split()[0])))


def test_what_was_measured_is_written_and_the_rest_of_the_page_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, notes = tmp_path / "performance.md", tmp_path / "notes"
    page.write_text(PAGE)
    monkeypatch.setattr(written, "PAGE", page)
    monkeypatch.setenv(goals.FILE, str(notes))
    goals.note("preview.stand-in", 1.0912)
    goals.note("row.stand-in", 4)
    written.write({"idle": "\n  a table\n"}, goals.noted(notes), day="2031-02-03")
    after = page.read_text()
    said = written.TAKEN.fullmatch(written.block(after, "idle"))
    assert said and (said[2], said[5]) == ("2031-02-03", "  a table") and "Python 3." in said[4]
    table = goals.parsed(written.block(after, written.GOALS))
    assert table[GOALS[0].what] == ("1.09 x", "2031-02-03")
    assert table["calls of AWS that wait for one another, more than the floor's"] == ("4", "2031-02-03")
    assert (
        table["our share of a flip, without pauses"]
        == goals.parsed(written.block(PAGE, written.GOALS))["our share of a flip, without pauses"]
    )
    assert written.block(after, "flip") == written.block(PAGE, "flip")


def test_a_figure_or_a_block_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="typo is no goal"):
        goals.note("typo", 1)
    with pytest.raises(ValueError, match="has no block typo: it begins with <!-- bench: typo -->"):
        written.replaced(PAGE, "typo", "")
