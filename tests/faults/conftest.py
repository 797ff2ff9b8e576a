"""The trials' fixtures: one stack for all of a process's trials, and a row of the matrix for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.cycles.stack import ENGINES, Stack
from tests.faults.trial import Ending, Trial


class Stages:
    """The stack that a process's trials share; a new one after a trial that went wrong, which blames no other."""

    def __init__(self, factory: pytest.TempPathFactory, *, stand_in: bool) -> None:
        self._factory, self.stand_in = factory, stand_in
        self._open = ExitStack()
        self._stack: Stack | None = None

    @contextmanager
    def lent(self) -> Iterator[Stack]:
        self._stack = self._stack or self._open.enter_context(
            Stack(self._factory.mktemp("faults"), stand_in=self.stand_in)
        )
        try:
            yield self._stack
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stack = None
        self._open.close()


@pytest.fixture(scope="package", params=ENGINES)
def stages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """Where trials get their stack, on each engine."""
    made = Stages(tmp_path_factory, stand_in=request.param == "stand-in")
    yield made
    made.close()


@pytest.fixture(params=["forward", "back"])
def trial(request: pytest.FixtureRequest, stages: Stages) -> Iterator[Trial]:
    """A trial; its test must come to `ends`, and then the invariants are held against everything that was seen."""
    ending: Ending = request.param
    if stages.stand_in and request.node.get_closest_marker("real_engine"):
        pytest.skip("the stand-in has no such thing: it runs where `pulumi` is on PATH")
    with stages.lent() as stage:
        stage.begin()
        made = Trial(stage, ending=ending)
        yield made
        request.node.user_properties.append(("fault", made.row(case=_case(request.node))))
        assert made.ended, "the trial did not come to its end"
        stage.end()


def _case(item: Any) -> str:
    """The test's name, with what its own parameters say; ordinary mistakes are a group of their own."""
    said = [str(value) for name, value in item.callspec.params.items() if name not in ("stages", "trial")]
    name = item.originalname.removeprefix("test_").replace("_", " ")
    if item.path.stem.startswith("test_mistakes"):
        name = f"mistake: {name}"
    return f"{name}[{', '.join(said)}]" if said else name
