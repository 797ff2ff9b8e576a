"""A function or document that can't be asked is found before traffic moves, and none is run to find out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from core.aws import Aws
from core.errors import StepError
from core.hooks import Hook
from steps.hooks import function, reachable
from tests.unit.steps.hooks.conftest import Asked

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
LAMBDA = Hook(name="afterPromote", kind="lambda", target=FUNCTION)


@pytest.fixture
def asked() -> Iterator[Asked]:
    with mock_aws():
        yield Asked()


@pytest.fixture
def aws(asked: Asked) -> Aws:
    return asked.aws


@pytest.fixture
def calling(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    made = function.client(aws)
    monkeypatch.setattr(function, "client", lambda _: made)
    with Stubber(made) as stub:
        yield stub
        stub.assert_no_pending_responses()


def document(aws: Aws, name: str, kind: Any, *parameters: str) -> Hook:
    content: dict[str, Any] = {
        "schemaVersion": "0.3" if kind == "Automation" else "2.2",
        "parameters": {one: {"type": "String"} for one in parameters},
        "mainSteps": [],
    }
    aws.ssm.create_document(Name=name, DocumentType=kind, Content=json.dumps(content))
    return Hook(name=f"at-{name}", kind="document", target=name)


def test_what_can_be_asked_is_not_run(asked: Asked, aws: Aws, calling: Stubber) -> None:
    calling.add_response("invoke", {"StatusCode": 204}, {"FunctionName": FUNCTION, "InvocationType": "DryRun"})
    command = Hook(name="beforeShift", kind="command", target="exit 1")
    reachable.check(asked.hooks().context, [command, LAMBDA, document(aws, "Good", "Automation", "facts", "more")])


def test_all_that_can_not_be_asked_is_said_at_once(asked: Asked, aws: Aws, calling: Stubber) -> None:
    calling.add_client_error("invoke", "AccessDeniedException", "User is not authorized to perform")
    with pytest.raises(StepError) as error:
        reachable.check(
            asked.hooks().context,
            [
                LAMBDA,
                document(aws, "Deaf", "Automation", "input"),
                document(aws, "Other", "Command", "facts"),
                Hook(name="atShare10", kind="document", target="Missing"),
            ],
        )
    lines = error.value.why.splitlines()
    assert error.value.code == "PHX-025"
    assert lines[0].startswith("afterPromote: Invoke: AccessDeniedException: User is not authorized")
    assert lines[1:3] == [
        "at-Deaf: Deaf has no parameter 'facts'",
        "at-Other: Other is a document of type Command, not Automation",
    ]
    assert lines[3].startswith("atShare10: DescribeDocument: InvalidDocument")


def test_what_is_only_told_of_a_way_back_is_in_nobodys_way(asked: Asked) -> None:
    reachable.check(asked.hooks().context, [Hook(name="onRollback", kind="document", target="Missing")])
    assert "warning: PHX-026: the hook onRollback can't be told of anything: DescribeDocument" in asked.said()
