"""What AWS made of a resource before something failed is known to the stand-in, and goes with the next update."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.engine.standin.aws import Aws, AwsType
from rehearsal.engine.standin.crypto import Passphrase
from rehearsal.engine.standin.deployment import Deployment, StoppedError
from rehearsal.engine.standin.display import Display
from rehearsal.engine.standin.plan import Goal
from rehearsal.engine.standin.provider import Call
from rehearsal.engine.standin.state import State
from rehearsal.engine.standin.values import Properties

GOAL = Goal("urn:pulumi:local::shop::aws:cloud/thing:Thing::it", "aws:cloud/thing:Thing", True, {"size": 3})


class Thing(AwsType):
    """It is made in two calls, of which the second may fail, and found after a few looks."""

    token = "aws:cloud/thing:Thing"
    gone = ("NotFound",)

    def __init__(self, aws: Any, *, fails: bool = False, hidden: int = 0) -> None:
        super().__init__(aws)
        self.exist: list[str] = []
        self._fails, self._hidden, self._number = fails, hidden, 0

    def make(self, call: Call, inputs: Properties) -> str:
        self._number += 1
        ident = f"thing-{self._number}"
        self.exist.append(ident)
        call.made.append(ident)
        if self._fails:
            self._fails = False
            raise error("InternalFailure", "Modify")
        return ident

    def look(self, ident: str, inputs: Properties) -> Properties:
        if self._hidden:
            self._hidden -= 1
            raise error("NotFound", "Describe")
        return {"arn": f"arn:{ident}"}

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.exist.remove(ident)


def error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, operation)


def aws() -> Any:
    waiting = Aws({}, threading.Event())
    return SimpleNamespace(region="eu-west-1", wait=waiting.wait)


def deployment(folder: Path, thing: Thing) -> Deployment:
    state = State(folder / "state.json", Passphrase("pp"))
    return Deployment(
        state,
        {Thing.token: thing.resource_type()},
        Display(None, preview=False),
        preview=False,
        interrupted=threading.Event(),
    )


def test_what_was_half_made_is_recorded_and_replaced_by_the_next_update(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = Thing(aws(), fails=True)
    first = deployment(tmp_path, thing)
    with pytest.raises(StoppedError):
        first.register(GOAL)
    assert not first.finish()
    assert "An error occurred (InternalFailure) when calling the Modify operation: said AWS" in capsys.readouterr().out
    [left] = State(tmp_path / "state.json", Passphrase("pp")).resources()
    assert (left.id, left.pending_delete) == ("thing-1", True)

    second = deployment(tmp_path, thing)
    assert second.register(GOAL).id == "thing-2"
    assert second.finish()
    assert thing.exist == ["thing-2"]
    assert [item.id for item in State(tmp_path / "state.json", Passphrase("pp")).resources()] == ["thing-2"]


def test_what_was_just_made_is_looked_for_until_it_is_found(tmp_path: Path) -> None:
    made = deployment(tmp_path, Thing(aws(), hidden=2)).register(GOAL)
    assert (made.id, made.outputs["arn"]) == ("thing-1", "arn:thing-1")
