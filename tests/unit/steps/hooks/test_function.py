"""A hook that is a Lambda function: what it returns is the answer."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from core.errors import StepError
from steps.hooks import function
from tests.unit.steps.hooks.conftest import Asked

NAME = "arn:aws:lambda:eu-west-1:123456789012:function:check"
HOOK: dict[str, Any] = {"kind": "lambda", "target": NAME}


def returns(*answers: Any, failed: str = "") -> list[dict[str, Any]]:
    """As Lambda hands on what a function returned."""
    texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in answers]
    more = {"FunctionError": failed} if failed else {}
    return [{"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(text), len(text)), **more} for text in texts]


@pytest.fixture
def calling(pretending: Asked, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of Lambda whose answers the test stubs; each call is held against AWS's own model."""
    made = function.client(pretending.aws)
    monkeypatch.setattr(function, "client", lambda _: made)
    with Stubber(made) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_proceed_lets_it_go_on_and_the_facts_are_its_payload(pretending: Asked, calling: Stubber) -> None:
    [answer] = returns({"decision": "proceed"})
    calling.add_response("invoke", answer, {"FunctionName": NAME, "Payload": ANY})
    pretending.hooks(**HOOK).ask("beforeShift")
    assert "lets green" in pretending.said()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (returns({"decision": "fail", "reason": "the tables are locked"}), "the tables are locked"),
        (returns({"errorMessage": "division by zero"}, failed="Unhandled"), "check failed: division by zero"),
        (returns(None), 'answered None, and not {"decision": "proceed"}'),
        (returns({"decision": "perhaps"}), "answered {'decision': 'perhaps'}"),
        (returns(b"<html>"), "answered <html>"),
        (returns({"decision": "wait", "seconds": "soon"}), "seconds 'soon', which is no number"),
    ],
)
def test_anything_else_refuses_and_says_why(pretending: Asked, calling: Stubber, answer: Any, why: str) -> None:
    calling.add_response("invoke", answer[0])
    with pytest.raises(StepError) as error:
        pretending.hooks(**HOOK).ask("beforeShift")
    assert error.value.code == "PHX-022" and why in error.value.why


def test_wait_is_asked_again_after_so_many_seconds(pretending: Asked, calling: Stubber) -> None:
    for answer in returns({"decision": "wait", "seconds": 120, "reason": "a ticket is open"}, {"decision": "proceed"}):
        calling.add_response("invoke", answer)
    pretending.hooks(timeout_seconds=600, **HOOK).ask("beforeShift")
    assert pretending.clock.now() == pytest.approx(120)
    assert "the hook beforeShift waits: a ticket is open" in pretending.said()


def test_a_fault_that_passes_is_asked_again(pretending: Asked, calling: Stubber) -> None:
    calling.add_client_error("invoke", "TooManyRequestsException", "Rate exceeded", http_status_code=429)
    calling.add_response("invoke", returns({"decision": "proceed"})[0])
    pretending.hooks(**HOOK).ask("beforeShift")


def test_a_function_that_is_not_there_refuses_at_once(pretending: Asked, calling: Stubber) -> None:
    calling.add_client_error("invoke", "ResourceNotFoundException", "Function not found", http_status_code=404)
    with pytest.raises(StepError) as error:
        pretending.hooks(**HOOK).ask("beforeShift")
    assert "Invoke: ResourceNotFoundException: Function not found" in str(error.value)
    assert pretending.clock.now() == 0


def test_a_network_that_is_away_is_waited_for_until_time_is_over(
    pretending: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def invoke(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://lambda")

    monkeypatch.setattr(function, "client", lambda _: Away())
    with pytest.raises(StepError) as error:
        pretending.hooks(**HOOK).ask("beforeShift")
    assert error.value.code == "PHX-023" and "Could not connect" in error.value.why


def test_a_call_that_does_not_return_holds_up_nobody(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    class Slow:
        def invoke(self, **_: object) -> Any:
            done.wait(60)
            raise ClientError({"Error": {"Code": "late"}}, "Invoke")

    monkeypatch.setattr(function, "client", lambda _: Slow())
    with pytest.raises(StepError, match="did not let green"):
        asked.hooks(timeout_seconds=1, **HOOK).ask("beforeShift")
    done.set()


def test_a_client_runs_a_function_once_and_waits_as_long_as_one_may_run(asked: Asked) -> None:
    config = function.client(asked.aws).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.read_timeout > 900
