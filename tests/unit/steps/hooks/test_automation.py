"""A hook that is an Automation document: how it ends is the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from core.errors import StepError
from tests.unit.steps.cloud import STACK
from tests.unit.steps.hooks.conftest import Asked

ID = "01234567-0123-0123-0123-0123456789ab"
HOOK: dict[str, Any] = {"kind": "document", "target": "Shop-Check"}
STARTED = {
    "DocumentName": "Shop-Check",
    "Parameters": {"facts": [ANY]},
    "ClientToken": ANY,
    "Tags": [{"Key": "phoenix:stack", "Value": STACK}],
}


@pytest.fixture
def ssm(pretending: Asked) -> Iterator[Stubber]:
    """Systems Manager, held against AWS's own model."""
    pretending.aws.__dict__["best_effort_ssm"] = pretending.aws.ssm
    with Stubber(pretending.aws.ssm) as stub:
        yield stub
        stub.assert_no_pending_responses()


def starts(ssm: Stubber) -> None:
    ssm.add_response("start_automation_execution", {"AutomationExecutionId": ID}, STARTED)


def shows(ssm: Stubber, status: str, **more: str) -> None:
    found = {"AutomationExecutionStatus": status, **more}
    ssm.add_response("get_automation_execution", {"AutomationExecution": found}, {"AutomationExecutionId": ID})


@pytest.mark.parametrize("status", ["Success", "CompletedWithSuccess"])
def test_one_that_ends_well_lets_it_go_on(pretending: Asked, ssm: Stubber, status: str) -> None:
    starts(ssm)
    for before in ("Pending", "InProgress", "Waiting", status):
        shows(ssm, before)
    pretending.hooks(**{**HOOK, "timeout_seconds": 60}).ask("beforeShift")
    assert f"the hook beforeShift is the automation {ID}" in pretending.said()


@pytest.mark.parametrize("status", ["Failed", "TimedOut", "Cancelled", "Rejected"])
def test_one_that_does_not_refuses_in_awss_words(pretending: Asked, ssm: Stubber, status: str) -> None:
    starts(ssm)
    shows(ssm, status, FailureMessage="Step fails when it is Execute: no")
    with pytest.raises(StepError) as error:
        pretending.hooks(**HOOK).ask("beforeShift")
    assert f"the automation {ID} ended as {status}: Step fails when it is Execute: no" in str(error.value)


def test_one_that_runs_on_is_cancelled_when_its_time_is_over(pretending: Asked, ssm: Stubber) -> None:
    starts(ssm)
    for _ in range(3):
        shows(ssm, "InProgress")
    ssm.add_response("stop_automation_execution", {}, {"AutomationExecutionId": ID, "Type": "Cancel"})
    with pytest.raises(StepError, match="PHX-023"):
        pretending.hooks(**{**HOOK, "timeout_seconds": 10}).ask("beforeShift")


def test_one_that_can_not_be_cancelled_is_a_line(pretending: Asked, ssm: Stubber) -> None:
    starts(ssm)
    shows(ssm, "InProgress")
    ssm.add_client_error("stop_automation_execution", "AccessDeniedException", "no")

    def look() -> None:
        raise StepError("PHX-711", "it failed its checks under production traffic")

    with pytest.raises(StepError, match="PHX-711"):
        pretending.hooks(**HOOK).ask("beforeShift", look=look)
    assert f"the automation {ID} could not be cancelled (StopAutomationExecution: AccessDeniedException" in (
        pretending.said()
    )


def test_a_document_that_takes_no_facts_refuses(pretending: Asked, ssm: Stubber) -> None:
    ssm.add_client_error("start_automation_execution", "InvalidAutomationExecutionParametersException", "facts")
    with pytest.raises(StepError) as error:
        pretending.hooks(**HOOK).ask("beforeShift")
    assert error.value.code == "PHX-022" and "InvalidAutomationExecutionParametersException" in error.value.why
