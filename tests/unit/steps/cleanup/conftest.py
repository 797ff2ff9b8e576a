"""The small AWS that these steps work in."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.support.account import moto_only
from tests.unit.steps.cleanup.images import Account
from tests.unit.steps.cloud import REGION, World


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World(boto3.Session("testing", "testing", region_name=REGION), 80)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    moto_only(monkeypatch)
    with mock_aws():
        yield Account(boto3.Session(region_name=REGION))
