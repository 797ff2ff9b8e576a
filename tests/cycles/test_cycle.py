"""A whole cycle on one stack: pre-production, a held canary, the flip, without a failed request."""

from __future__ import annotations

import json

from core.names import other_color
from rehearsal import PROJECT
from tests.cycles.stack import Stack
from tests.support import schemas


def test_a_new_group_is_held_in_pre_production_then_as_a_canary_and_then_gets_everything(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other_color(live.color)
    stack.change()
    stack.set(active=new, traffic=0)
    stack.up()
    groups = stack.groups()
    born = groups[new]
    assert groups[live.color] == live
    assert stack.weights() == {live.color: 100, new: 0}
    assert stack.ask(token=stack.token) == born.generation
    assert stack.ask(token="a guess") == stack.ask() == live.generation
    stack.idle()
    assert {one.color for one in stack.requests()} == {live.color}

    stack.set(traffic=10)
    stack.up()
    assert stack.groups() == groups
    assert stack.weights() == {live.color: 90, new: 10}
    assert stack.answers(seconds=60, what=lambda seen: len(seen) == 2) == {live.color, new}
    stack.idle()

    stack.set(traffic=100)
    stack.up()
    assert stack.groups() == {new: born}
    assert stack.weights() == {new: 100}
    before = len(stack.cloud.calls.seen)
    stack.idle()
    assert [call.name for call in stack.cloud.calls.seen[before:] if call.operation == "PutEvents"] == []


def test_whoever_listens_hears_of_each_transition_of_a_flip_in_its_order(stack: Stack) -> None:
    [live] = stack.groups().values()
    new = other_color(live.color)
    stack.change()
    stack.set(active=new)
    before = len(stack.cloud.calls.seen)
    stack.up()
    calls = [call for call in stack.cloud.calls.seen[before:] if call.operation == "PutEvents"]
    entries = [entry for call in calls for entry in json.loads(call.body)["Entries"]]
    schema = json.loads((PROJECT / "docs" / "schemas" / "release-event.json").read_text())
    told = []
    for entry in entries:
        detail = json.loads(entry["Detail"])
        schemas.validate({"source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail}, schema)
        told.append((entry["DetailType"], detail))
    *first, last = told
    kinds = [kind for kind, _ in first]
    shares = [said["production"] for kind, said in first if kind == "Production Shifted"]
    assert kinds == ["Release Planned", "Image Baked", "Release Verified", *["Production Shifted"] * len(shares)]
    assert shares == [move for move in stack.moves() if move in shares]
    assert last[0] == "Release Promoted"
    assert last[1]["production"] == {new: 100, live.color: 0}
    assert last[1]["release"]["gates"]["promote"]["servers"] > 0
