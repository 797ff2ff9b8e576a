"""A cloud in which nothing takes long, for a file of steps that bake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.cloud.cloud import Cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=0.1, time_scale=0.1) as opened:
        yield opened
