"""The trials' fixtures: one stack for all of a process's trials, and a row of the matrix for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    request.node.user_properties.append(("fault", made.row(case=_case(request.node))))
    assert made.ended, "the trial did not come to its end"
    stage.end()


def _case(item: Any) -> str:
    """The test's name, with what its own parameters say."""
    said = [str(value) for name, value in item.callspec.params.items() if name not in ("stage", "trial")]
    name = item.originalname.removeprefix("test_").replace("_", " ")
    return f"{name}[{', '.join(said)}]" if said else name
