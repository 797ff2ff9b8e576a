"""What a setting says of a hook, and what a hook is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core import hooks
from core.hooks import DEFAULT_SECONDS, PARAMETER_LENGTH, Hook
from core.release_events import Release
from rehearsal import PROJECT
from tests.support import schemas
from tests.support.factories import NOW

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
DETAIL = json.loads((PROJECT / "docs" / "schemas" / "release-event.json").read_text())["properties"]["detail"]
RELEASE = Release(stack="shop/prod", color="green", generation="a" * 12, tags={"image": "ami-0123456789abcdef0"})


@pytest.mark.parametrize(
    ("said", "kind", "target", "seconds"),
    [
        ("make check", "command", "make check", DEFAULT_SECONDS),
        ({"command": "make check", "timeoutSeconds": 60}, "command", "make check", 60),
        ({"lambda": FUNCTION}, "lambda", FUNCTION, DEFAULT_SECONDS),
        ({"lambda": f"{FUNCTION}:live", "timeoutSeconds": "900"}, "lambda", f"{FUNCTION}:live", 900),
        ({"document": "Shop-Check"}, "document", "Shop-Check", DEFAULT_SECONDS),
        (
            {"document": "arn:aws:ssm:eu-west-1:123456789012:document/Check", "timeoutSeconds": 86400},
            "document",
            "arn:aws:ssm:eu-west-1:123456789012:document/Check",
            86400,
        ),
    ],
)
def test_forms_of_a_hook(said: Any, kind: str, target: str, seconds: int) -> None:
    hook = hooks.parse_hook("beforeShift", said)
    assert hook == Hook(name="beforeShift", kind=kind, target=target, timeout_seconds=seconds)
    assert hooks.decode_hooks(hooks.encode_hooks([hook])) == (hook,)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (True, "must be a shell command, or an object"),
        ([], "must be a shell command, or an object"),
        ("", "must have as command a shell command on one line"),
        ("one\ntwo", "must have as command a shell command on one line"),
        ({}, "must have one of command, lambda, document (it has none)"),
        ({"command": "x", "lambda": FUNCTION}, "(it has command and lambda)"),
        (
            {"command": "x", "retries": 3},
            "one of command, lambda, document, and timeoutSeconds, and no 'retries'",
        ),
        ({"lambda": "check"}, "must have as lambda the ARN of a Lambda function"),
        ({"lambda": "arn:aws:lambda:eu-west-1:12345:function:check"}, "must have as lambda the ARN"),
        ({"lambda": "arn:aws:sns:eu-west-1:123456789012:check"}, "must have as lambda the ARN"),
        ({"document": "no such name"}, "must have as document the name or ARN"),
        ({"document": "x" * 129}, "must have as document the name or ARN"),
        ({"command": "x", "timeoutSeconds": 0}, "a whole number from 1 to 86400 seconds"),
        ({"command": "x", "timeoutSeconds": 86401}, "a whole number from 1 to 86400 seconds"),
        ({"command": "x", "timeoutSeconds": True}, "a whole number from 1 to 86400 seconds"),
        ({"command": "x", "timeoutSeconds": 1.5}, "a whole number from 1 to 86400 seconds"),
    ],
)
def test_what_is_no_hook(said: Any, rule: str) -> None:
    with pytest.raises(ValueError) as error:
        hooks.parse_hook("beforeShift", said)
    assert rule in str(error.value)


def test_how_long_hooks_hold_a_promotion() -> None:
    said = {"afterVerify": 1, "beforeShift": 20, "atShare10": 300, "atShare50": 4000, "afterPromote": 50000}
    given = [hooks.parse_hook(name, {"command": ":", "timeoutSeconds": seconds}) for name, seconds in said.items()]
    assert hooks.held_seconds(given, [10, 100]) == 20 + 300 + 50000
    assert hooks.held_seconds([], [10, 100]) == 0


def test_a_hook_is_given_the_facts_of_an_event_and_its_name() -> None:
    event = RELEASE.event("atShare10", at=NOW, production={"green": 10, "blue": 90})
    said = json.loads(hooks.facts(event))
    schemas.validate(said, DETAIL)
    assert said == {**event.detail(), "hook": "atShare10"}
    assert said["release"]["image"] == "ami-0123456789abcdef0"


@pytest.mark.parametrize("reason", ["", "why", "x" * 4000, 'a "quote" and ü ' * 300])
def test_a_document_is_given_as_much_as_its_parameter_takes(reason: str) -> None:
    event = RELEASE.event("onRollback", at=NOW, production={"green": 0, "blue": 100}, reason=reason)
    text = hooks.short_facts(event)
    assert len(text) <= PARAMETER_LENGTH
    said = json.loads(text)
    assert said.pop("reason") == reason.strip()[: len(json.loads(text)["reason"])]
    assert said == {
        "hook": "onRollback",
        "version": 1,
        "stack": "shop/prod",
        "color": "green",
        "generation": "a" * 12,
        "production": {"green": 0, "blue": 100},
    }
    if len(reason) > 1000:
        assert len(text) > PARAMETER_LENGTH - 20, "no more is cut than must be"
