"""An empty account for each test of the program, and nothing recorded yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.support.account import moto_only
from tests.support.main_program import PROJECT
from tests.support.recorder import MADE, NAMED, STANDING


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    STANDING.clear()
    MADE.clear()
    NAMED.clear()
    moto_only(monkeypatch)
    monkeypatch.chdir(PROJECT)
    with mock_aws():
        yield
