"""A cloud in which nothing takes long, for a file of steps that bake; and one of two accounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.steps.two_accounts import World


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=0.1, time_scale=0.1) as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One account that bakes and one that serves."""
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=0.1, time_scale=0.02) as cloud:
        yield World(cloud)


@pytest.fixture
def world(opened: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Program and steps may run in this process."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", opened.cloud.endpoint)
    return opened
