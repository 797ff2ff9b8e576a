"""The picture of what waits for what is the program's own, and says the order that an update keeps."""

from __future__ import annotations

import runpy
from itertools import pairwise
from typing import Any

import pytest

from rehearsal import PROJECT
from tests.support.recorded import dependencies

TOOL: dict[str, Any] = runpy.run_path(str(PROJECT / "tools" / "draw_dependencies.py"))


@pytest.fixture(scope="module")
def graph() -> dict[str, frozenset[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        found: dict[str, frozenset[str]] = TOOL["edges"](dependencies())
        return found


def test_the_picture_that_is_checked_in_is_that_of_the_program(graph: dict[str, frozenset[str]]) -> None:
    assert TOOL["PICTURE"].read_text() == TOOL["svg"](graph), (
        "what waits for what has changed; do: PYTHONPATH=. .venv/bin/python tools/draw_dependencies.py"
    )


def test_an_update_announces_then_bears_verifies_promotes_and_cleans_up(graph: dict[str, frozenset[str]]) -> None:
    order = (
        "bake",
        "target group",
        "preview rule",
        "servers",
        "scaling policy",
        "retire",
        "verify",
        "promote",
        "production rule",
        "prune",
    )
    for earlier, later in pairwise(order):
        assert earlier in graph[later], f"{later} does not wait for {earlier}"


def test_lines_pass_boxes_in_places_of_their_own(graph: dict[str, frozenset[str]]) -> None:
    rows, ways = TOOL["rows"](graph)
    depth = {label: number for number, row in enumerate(rows) for label in row}
    assert all(depth[lower] - depth[upper] == 1 for way in ways for upper, lower in pairwise(way))
    assert sum(len(row) for row in rows) == len(depth)


def test_a_type_without_a_box_is_an_error_that_says_where_it_goes() -> None:
    with pytest.raises(ValueError, match=r"aws:sqs/queue:Queue .* say in BOXES of tools/draw_dependencies\.py"):
        TOOL["box"]("aws:sqs/queue:Queue", "jobs")
