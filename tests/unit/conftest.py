"""Units' AWS is quick."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.quick_aws import quick_aws


@pytest.fixture(scope="package", autouse=True)
def quick() -> Iterator[None]:
    with quick_aws():
        yield
