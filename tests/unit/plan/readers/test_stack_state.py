"""A stack that lives in another account or region is not born a second time where the credentials lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from plan.readers import stack_state
from plan.readers.live_state import Account
from plan.readers.stack_state import refusal

HERE = Account("123456789012", "eu-west-1")
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop-dev/1"
ROLE = "arn:aws:iam::123456789012:role/shop-dev-blue"
HALF = Exception("invoke of pulumi:pulumi:readStackResourceOutputs failed: failed to load checkpoint: EOF")
ELSEWHERE = "(elsewhere it is another stack: pulumi stack init NAME)"


@pytest.mark.parametrize(
    "arns",
    [
        [],
        [BALANCER],
        [ROLE],
        [BALANCER, ROLE],
        ["None", "", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"],  # nothing of an account's
    ],
)
def test_at_home_or_not_yet_born(arns: list[str]) -> None:
    assert refusal(HERE, arns, stack="dev") == []


@pytest.mark.parametrize("arns", [[BALANCER], [ROLE], [BALANCER, ROLE]])
def test_credentials_of_another_account_are_told_with_both_accounts(arns: list[str]) -> None:
    [said] = refusal(Account("210987654321", "eu-west-1"), arns, stack="dev")
    assert str(said).splitlines() == [
        "PHX-220: these credentials belong to account 210987654321, but stack dev lives in account 123456789012;"
        " nothing was changed",
        "    type: export AWS_PROFILE=NAME   (a profile of account 123456789012; or pulumi config set aws:profile"
        " NAME)",
        f"    {ELSEWHERE}",
    ]


def test_the_stacks_own_profile_is_named() -> None:
    [said] = refusal(Account("210987654321", "eu-west-1", "shop"), [BALANCER], stack="dev")
    assert said.what.startswith("the credentials of aws:profile shop belong to account 210987654321, but")


def test_another_region_is_told_with_both_regions() -> None:
    [said] = refusal(Account("123456789012", "us-east-1"), [BALANCER, ROLE], stack="dev")
    assert str(said).splitlines() == [
        "PHX-221: aws:region is us-east-1, but stack dev lives in region eu-west-1; nothing was changed",
        "    type: pulumi config set aws:region eu-west-1",
        f"    {ELSEWHERE}",
    ]


def test_another_account_and_region_are_told_at_once() -> None:
    elsewhere, far = refusal(Account("210987654321", "us-east-1"), [BALANCER], stack="dev")
    assert "lives in account 123456789012" in elsewhere.what
    assert "lives in region eu-west-1" in far.what


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """A state that can be read after so many readings that fail; the stacks that were asked for."""
    monkeypatch.setattr(stack_state, "PAUSE_SECONDS", 0)
    asked: list[str] = []

    def fails(times: int) -> list[str]:
        def invoke(_token: str, args: Mapping[str, Any]) -> Any:
            asked.append(args["stackName"])
            if len(asked) <= times:
                raise HALF
            balancer = {"type": "aws:lb/loadBalancer:LoadBalancer", "outputs": {"arn": BALANCER, "id": BALANCER}}
            own = {"phoenix:color": "blue", "phoenix:generation": "b", "phoenix:birth": "2"}
            target = {"type": "aws:lb/targetGroup:TargetGroup", "outputs": {"id": BALANCER, "tags": own}}
            step = {"type": "command:local:Command", "outputs": {"stdout": "{}", "triggers": ["group", "3"]}}
            return SimpleNamespace(
                value={
                    "outputs": {
                        "urn": balancer,
                        "target": target,
                        "urn:pulumi:dev::shop::command:local:Command::shop-promote": step,
                    }
                }
            )

        monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
        return asked

    return fails


def test_a_state_that_is_just_saved_is_read_again(state: Callable[[int], list[str]]) -> None:
    asked = state(stack_state.TRIES - 1)
    made = stack_state.read_state()
    assert made.ids == {BALANCER}
    assert made.recorded.rerun_trigger("shop-promote") == "4"
    assert made.attempted == {("blue", "b", "2")}
    assert len(asked) == stack_state.TRIES


def test_one_that_can_never_be_read_says_why(state: Callable[[int], list[str]]) -> None:
    asked = state(stack_state.TRIES)
    with pytest.raises(Exception, match="failed to load checkpoint"):
        stack_state.read_state()
    assert len(asked) == stack_state.TRIES
