"""The program's resources with what each waits for, as it sends them to the engine: in an account of this process."""

from __future__ import annotations

import os
from unittest import mock

from moto import mock_aws

from rehearsal.workshop import PROJECT
from tests.factories import TOKEN
from tests.recorder import record_main

CONFIG = {"aws:region": "eu-west-1", "phoenix:previewToken": TOKEN, "phoenix:dashboard": "true"}


def dependencies() -> list[tuple[str, str, frozenset[str]]]:
    """(type, name, names of what it waits for) of each resource of a first birth."""
    kept = {key: value for key, value in os.environ.items() if key not in ("AWS_PROFILE", "AWS_ENDPOINT_URL")}
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with mock.patch.dict(os.environ, {**kept, **keys}, clear=True), mock_aws():
        done = record_main(PROJECT, config=CONFIG)
    return [(resource.type, resource.name, resource.depends_on) for resource in done.resources]
