"""The program's resources with what each waits for, as it sends them to the engine: in an account of this process."""

from __future__ import annotations

import pytest
from moto import mock_aws

from rehearsal import PROJECT
from tests.support.account import moto_only
from tests.support.factories import TOKEN
from tests.support.recorder import record_main

CONFIG = {"aws:region": "eu-west-1", "phoenix:previewToken": TOKEN, "phoenix:dashboard": "true"}


def dependencies() -> list[tuple[str, str, frozenset[str]]]:
    """(type, name, names of what it waits for) of each resource of a first birth."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        moto_only(patch)
        done = record_main(PROJECT, config=CONFIG)
    return [(resource.type, resource.name, resource.depends_on) for resource in done.resources]
