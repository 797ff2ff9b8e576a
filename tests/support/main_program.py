"""The main program under mocks, in an empty account of this process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from core.release_events import ReleaseEvent
from tests.rehearsal.alb.test_tls import self_signed
from tests.support.factories import TOKEN
from tests.support.recorder import Existing, Recorded, record_main

PROJECT = Path(__file__).parents[2]
CONFIG = {"aws:region": "eu-west-1", "phoenix:previewToken": TOKEN}


def program(
    stack: str = "dev", *, existing: Existing | None = None, told: list[ReleaseEvent] | None = None, **config: Any
) -> Recorded:
    """What it registers with these keys of its configuration; `told` gets the events that it tells AWS of."""
    texts = {f"phoenix:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return record_main(PROJECT, stack=stack, config={**CONFIG, **texts}, existing=existing, told=told)


@cache
def first_update() -> Recorded:
    """What it registers in an empty account with no other key: the same for each test, which reads it and no more."""
    return program()


def certificate() -> str:
    """The ARN of one that the account has, for shop.example.com."""
    made, key = self_signed()
    acm: Any = boto3.Session(region_name="eu-west-1").client("acm")
    return str(acm.import_certificate(Certificate=made, PrivateKey=key)["CertificateArn"])
