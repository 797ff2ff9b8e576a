"""An empty account for each test of the program, and a stack of which nothing exists yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.support.account import moto_only
from tests.support.main_program import PROJECT
from tests.support.recorder import Existing


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    moto_only(monkeypatch)
    monkeypatch.chdir(PROJECT)
    with mock_aws():
        yield


@pytest.fixture
def existing() -> Existing:
    """What there is when the program begins: nothing, until the test puts something there."""
    return Existing()
