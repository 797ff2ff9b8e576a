"""The main program under mocks, in an empty account of this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.rehearsal.alb.test_tls import self_signed
from tests.support.account import moto_only
from tests.support.factories import TOKEN
from tests.support.recorder import MADE, NAMED, STANDING, Recorded, record_main

PROJECT = Path(__file__).parents[2]
CONFIG = {"aws:region": "eu-west-1", "phoenix:previewToken": TOKEN}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty, and nothing recorded yet; for each test of a module that names this fixture."""
    STANDING.clear()
    MADE.clear()
    NAMED.clear()
    moto_only(monkeypatch)
    monkeypatch.chdir(PROJECT)
    with mock_aws():
        yield


def program(stack: str = "dev", **config: Any) -> Recorded:
    """What it registers with these keys of its configuration."""
    texts = {f"phoenix:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return record_main(PROJECT, stack=stack, config={**CONFIG, **texts})


def certificate() -> str:
    """The ARN of one that the account has, for shop.example.com."""
    made, key = self_signed()
    acm: Any = boto3.Session(region_name="eu-west-1").client("acm")
    return str(acm.import_certificate(Certificate=made, PrivateKey=key)["CertificateArn"])
