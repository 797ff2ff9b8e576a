"""The trials' fixtures: one stack for all of a process's trials, and a row of the matrix for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cycles import ENGINES, Stack
from tests.faults.trial import Ending, Trial


@pytest.fixture(scope="package", params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of all trials, on each engine."""
    with Stack(tmp_path_factory.mktemp("faults"), stand_in=request.param == "stand-in") as made:
        yield made


@pytest.fixture(params=["forward", "back"])
def trial(request: pytest.FixtureRequest, stage: Stack) -> Iterator[Trial]:
    """A trial; its test must come to `ends`, and then the invariants are held against everything that was seen."""
    ending: Ending = request.param
    stage.begin()
    made = Trial(stage, ending=ending)
    yield made
    case = request.node.originalname.removeprefix("test_").replace("_", " ")
    request.node.user_properties.append(("fault", made.row(case=case)))
    assert made.ended, "the trial did not come to its end"
    stage.end()
