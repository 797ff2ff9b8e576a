"""A local cloud for each file of tests, and a stack with nothing in it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.boto3_stack import Stack, stack


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    workdir: Path = tmp_path_factory.mktemp("cloud")
    with Cloud(workdir, boot_seconds=5, time_scale=0.02) as cloud:
        yield stack(cloud)


@pytest.fixture
def s(shared: Stack) -> Stack:
    return shared.fresh()
