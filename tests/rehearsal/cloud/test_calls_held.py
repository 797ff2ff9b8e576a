"""A call to the local cloud that is held: its caller waits, everybody else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.calls import Call
from rehearsal.cloud.cloud import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path) as opened:
        yield opened


def is_create(call: Call) -> bool:
    return call.name == "ec2:CreateKeyPair"


def keys(cloud: Cloud) -> list[str]:
    return [key["KeyName"] for key in cloud.client("ec2").describe_key_pairs()["KeyPairs"]]


def create(cloud: Cloud, name: str) -> Any:
    return cloud.client("ec2").create_key_pair(KeyName=name)


@pytest.mark.parametrize("performed", [False, True])
def test_a_held_call_waits_and_others_pass(cloud: Cloud, performed: bool) -> None:
    cloud.client("ec2")
    with ThreadPoolExecutor() as pool:
        with cloud.calls.holding(is_create, performed=performed) as held:
            waiting = pool.submit(create, cloud, "first")
            assert held.reached.wait(60)
            assert keys(cloud) == (["first"] if performed else [])
            assert not waiting.done()
            # Only the first is held.
            create(cloud, "second")
        assert waiting.result(60)["KeyName"] == "first"
    assert sorted(keys(cloud)) == ["first", "second"]


def test_what_is_not_wanted_is_not_held(cloud: Cloud) -> None:
    with cloud.calls.holding(lambda call: False) as held:
        create(cloud, "one")
        assert not held.reached.is_set()
