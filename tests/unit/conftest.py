"""What makes units quick: moto without the images of ECS, and botocore that reads what services are once a process."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from moto.ec2.models import amis

_read = cache(JSONFileLoader().load_file)


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the 1,200 of ECS, which moto makes for each test, and again at its end."""
    load = amis.load_resource
    monkeypatch.setattr(amis, "load_resource", lambda path: [] if "/ecs/" in path else load(path))


@pytest.fixture(autouse=True)
def services_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session of boto3's reads them again, EC2's for a third of a second."""

    def read(self: Any, path: str) -> Any:
        return _read(path)

    monkeypatch.setattr(JSONFileLoader, "load_file", read)
