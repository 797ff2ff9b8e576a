"""approveAt: a canary waits for a person, and an answer to anything else does not count."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from core import approvals
from core.approvals import Answer
from core.errors import StepError
from core.release_events import AWAITED, ROLLED_BACK
from steps.promote import approve
from steps.promote.promote import promote
from steps.runtime.signals import Interrupted
from tests.unit.steps.cloud import ACCOUNT, GREEN, REGION, STACK
from tests.unit.steps.promote.flipping import Flipping

HOLD: dict[str, Any] = {"approve_at": (10,), "approval_timeout_minutes": 5}
BACK = [{"green": 10, "blue": 90}, {"blue": 100}]


def says(flipping: Flipping, **more: Any) -> None:
    options = approve.Options(stack=STACK, account=ACCOUNT, region=REGION, **more)
    approve.approve(options, flipping.world.context())


def parameters(flipping: Flipping) -> list[str]:
    found = flipping.world.aws.ssm.get_parameters_by_path(Path=approvals.folder(STACK))
    return [one["Name"] for one in found["Parameters"]]


def fails(flipping: Flipping) -> str:
    with pytest.raises(StepError) as error:
        promote(flipping.given(**HOLD), flipping.world.context())
    return str(error.value)


def test_a_canary_is_held_until_somebody_approves_it(flipping: Flipping) -> None:
    moved: list[int] = []

    def approves() -> None:
        moved.append(len(flipping.moves))
        says(flipping)

    flipping.world.clock.at(400, approves)
    promote(flipping.given(**HOLD), flipping.world.context())
    assert moved == [1], "it had stopped at 10 %"
    assert [move["green"] for move in flipping.moves] == [10, 50, 100]
    [awaited] = [one for one in flipping.world.events if one.kind == AWAITED]
    assert awaited.production == {"green": 10, "blue": 90}
    assert awaited.reason.startswith("make approve STACK=test")
    assert f"green {GREEN} at 10 % is approved by arn:aws:sts::" in flipping.world.said()
    assert parameters(flipping) == []


def test_a_rejection_goes_back_with_its_reason(flipping: Flipping) -> None:
    flipping.world.clock.at(400, lambda: says(flipping, reject=True, reason="the cart is empty"))
    text = fails(flipping)
    assert "PHX-720" in text
    assert "the cart is empty" in text
    assert flipping.moves == BACK
    assert flipping.world.events[-1].kind == ROLLED_BACK


def test_without_a_word_it_goes_back(flipping: Flipping) -> None:
    text = fails(flipping)
    assert "PHX-719: nobody approved green aaaaaaaaaaaa at 10 % within 5 minutes (approvalTimeoutMinutes)" in text
    assert flipping.moves == BACK
    assert parameters(flipping) == []


@pytest.mark.parametrize("other", [{"share": 50}, {"generation": "b" * 12}, {"since": "2026-01-01T00:00:00Z"}])
def test_an_answer_to_another_request_does_not_count(flipping: Flipping, other: dict[str, Any]) -> None:
    def answer() -> None:
        request = approvals.asked(flipping.world.aws.ssm, STACK)
        assert request is not None
        given = Answer(request=replace(request, **other), decision=approvals.APPROVE)
        approvals.answer(flipping.world.aws.ssm, STACK, given)

    flipping.world.clock.at(400, answer)
    assert "PHX-719" in fails(flipping)


@pytest.mark.parametrize("text", ["yes", "[]", json.dumps({"decision": "approve"}), '{"request": 1, "decision": []}'])
def test_what_is_no_answer_does_not_count(flipping: Flipping, text: str) -> None:
    name = f"{approvals.folder(STACK)}/answer"
    flipping.world.clock.at(
        400, lambda: flipping.world.aws.ssm.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
    )
    assert "PHX-719" in fails(flipping)


def test_trouble_while_it_waits_goes_back_at_once(flipping: Flipping) -> None:
    flipping.alarm("site")
    flipping.world.clock.at(400, lambda: flipping.alarm("site", "ALARM"))
    with pytest.raises(StepError, match="in ALARM: site"):
        promote(flipping.given(alarms=("site",), **HOLD), flipping.world.context())
    assert flipping.moves == BACK
    assert flipping.world.clock.passed < 500


def test_an_interrupt_while_it_waits_puts_traffic_back(flipping: Flipping) -> None:
    def interrupt() -> None:
        raise Interrupted("PHX-009", "it was interrupted (SIGTERM)")

    flipping.world.clock.at(400, interrupt)
    assert "PHX-702" in fails(flipping)
    assert flipping.moves == BACK
    assert parameters(flipping) == []


def test_nobody_waits_on_the_way_back(flipping: Flipping) -> None:
    promote(flipping.given(**{**HOLD, "canary_steps": ()}), flipping.world.context())
    assert flipping.moves == [{"green": 100, "blue": 0}]


def test_an_answer_needs_a_request(flipping: Flipping) -> None:
    with pytest.raises(StepError, match="PHX-721: nothing of phoenix/test waits to be approved"):
        says(flipping)
