"""The words that run a step: the same on every machine that has the same checkout."""

from __future__ import annotations

from pathlib import Path

from components.step import ROOT, runner


def test_the_projects_own_program_runs_its_steps_as_ever() -> None:
    assert runner(ROOT) == "sh steps/run"


def test_a_program_elsewhere_says_where_it_is_and_names_no_absolute_path(tmp_path: Path) -> None:
    assert runner(ROOT / "examples" / "two-services") == 'PHOENIX_PROJECT="$PWD" sh ../../steps/run'
