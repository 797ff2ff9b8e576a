"""A cloud for the tests of a file, and a load balancer in it for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rehearsal.alb.site import Shared, Site, shared


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with shared(tmp_path_factory.mktemp("cloud")) as opened:
        yield opened


@pytest.fixture
def site(cloud: Shared, request: pytest.FixtureRequest) -> Iterator[Site]:
    with cloud.site(request.node.name) as opened:
        yield opened
