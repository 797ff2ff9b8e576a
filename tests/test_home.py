"""The state that is read while the engine saves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components import home
from components.live import Account

ACCOUNT = Account(id="123456789012", region="eu-west-1")
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/1/2"
HALF = Exception("invoke of pulumi:pulumi:readStackResourceOutputs failed: failed to load checkpoint: EOF")


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """A state that can be read after so many readings that fail; the stacks that were asked for."""
    monkeypatch.setattr(home, "PAUSE_SECONDS", 0)
    asked: list[str] = []

    def fails(times: int) -> list[str]:
        def invoke(_token: str, args: Mapping[str, Any]) -> Any:
            asked.append(args["stackName"])
            if len(asked) <= times:
                raise HALF
            listener = {"type": "aws:lb/listener:Listener", "outputs": {"id": LISTENER, "arn": LISTENER}}
            return SimpleNamespace(value={"outputs": {"urn": listener}})

        monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
        return asked

    return fails


def test_a_state_that_is_just_saved_is_read_again(state: Callable[[int], list[str]]) -> None:
    asked = state(home.TRIES - 1)
    assert home.check(ACCOUNT).ids == {LISTENER}
    assert len(asked) == home.TRIES


def test_one_that_can_never_be_read_says_why(state: Callable[[int], list[str]]) -> None:
    asked = state(home.TRIES)
    with pytest.raises(Exception, match="failed to load checkpoint"):
        home.check(ACCOUNT)
    assert len(asked) == home.TRIES
