"""The cycles' fixtures: one stack for a file's tests, and the invariants held after each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cycles.stack import ENGINES, Stack


@pytest.fixture(scope="module", params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of a file's tests, on each engine."""
    with Stack(tmp_path_factory.mktemp("cycle"), stand_in=request.param == "stand-in") as made:
        yield made


@pytest.fixture
def stack(stage: Stack) -> Iterator[Stack]:
    """The stack at its beginning; after the test, the invariants are held against everything that was seen."""
    stage.begin()
    yield stage
    stage.end()
