"""An empty account for each test of the program, and a stack of which nothing exists yet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from moto import mock_aws

from core import session
from tests.support.account import moto_only
from tests.support.main_program import PROJECT
from tests.support.recorder import Existing

# With its clients; whose it is differs in no test here.
_connected = cache(session.connect)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    moto_only(monkeypatch)
    monkeypatch.setattr(session, "connect", _connected)
    monkeypatch.chdir(PROJECT)
    with mock_aws():
        yield


@pytest.fixture
def existing() -> Existing:
    """What there is when the program begins: nothing, until the test puts something there."""
    return Existing()
