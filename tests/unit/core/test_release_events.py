"""Events keep their contract: the schema that docs publish, AWS's limits, and no command to a terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core import release_events, release_record
from core.release_events import Release, ReleaseEvent
from rehearsal import PROJECT
from tests.support import schemas
from tests.support.factories import NOW

SCHEMA = json.loads((PROJECT / "docs" / "schemas" / "release-event.json").read_text())
RELEASE = Release(stack="shop/prod", color="green", generation="a" * 12).knowing(
    {
        "phoenix:color": "green",
        "phoenix:generation": "a" * 12,
        "phoenix:fingerprint": "b" * 64,
        "phoenix:image": "ami-0123456789abcdef0",
        "phoenix:commit": "c0ffee",
        "phoenix:born": "at=2026-11-24T12:00:00Z servers=2",
        release_record.VERIFY: release_record.encode_gate(NOW, 41, servers=2),
        release_record.WEIGHTS: release_record.encode_weights("", [(NOW, 10)]),
        "aws:cloudformation:stack-name": "others",
    }
)


def seen(event: ReleaseEvent) -> dict[str, Any]:
    """As a rule of EventBridge sees it."""
    entry = event.entry()
    return {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}


@pytest.mark.parametrize("kind", release_events.KINDS)
@pytest.mark.parametrize("release", [RELEASE, Release(stack="shop/prod")], ids=["all", "nothing known"])
def test_every_event_is_as_the_schema_says(kind: str, release: Release) -> None:
    event = release.event(kind, at=NOW, production={"green": 10, "blue": 90}, reason="one\ntwo")
    schemas.validate(seen(event), SCHEMA)
    assert len(kind) <= 128


def test_the_schema_knows_these_events_and_no_others() -> None:
    assert tuple(SCHEMA["properties"]["detail-type"]["enum"]) == release_events.KINDS
    detail = SCHEMA["properties"]["detail"]
    said = RELEASE.event(release_events.SHIFTED, at=NOW).detail()
    assert set(detail["properties"]) - {"hook"} == set(detail["required"]) == set(said)
    assert detail["properties"]["version"]["const"] == release_events.VERSION
    assert set(detail["properties"]["release"]["required"]) == set(said["release"])


def test_an_event_has_the_facts_of_the_release_record() -> None:
    said = RELEASE.event(release_events.SHIFTED, at=NOW, production={"green": 10, "blue": 90}).detail()
    assert said["production"] == {"green": 10, "blue": 90}
    assert said["release"]["image"] == "ami-0123456789abcdef0"
    assert said["release"]["git"]["commit"] == "c0ffee"
    assert said["release"]["gates"]["verify"] == {"at": "2026-11-24T12:00:00Z", "seconds": 41, "servers": 2}
    assert said["release"]["weights"] == [{"at": "2026-11-24T12:00:00Z", "percent": 10}]


def test_a_reason_is_cut_and_commands_nobody() -> None:
    event = RELEASE.event(release_events.ROLLED_BACK, at=NOW, reason="\x1b[2J::error::x\nline two " + "x" * 300_000)
    assert len(event.entry()["Detail"]) < 256 * 1024 / 8
    assert event.detail()["reason"].startswith(": :error::x\nline two x")
    assert "\x1b" not in event.message()


def test_the_text_is_short_and_says_who_and_how_much() -> None:
    event = RELEASE.event(release_events.SHIFTED, at=NOW, production={"green": 10, "blue": 90})
    assert event.text() == "shop/prod: Production Shifted: green aaaaaaaaaaaa (green 10 %, blue 90 %)"
    back = RELEASE.event(release_events.ROLLED_BACK, at=NOW, production={"blue": 100}, reason="PHX-701: x\nin ALARM")
    assert back.text() == "shop/prod: Release Rolled Back: green aaaaaaaaaaaa (blue 100 %)\nPHX-701: x\nin ALARM"


def test_chat_applications_get_the_form_that_they_show_and_others_the_text() -> None:
    event = RELEASE.event(release_events.PROMOTED, at=NOW, production={"green": 100})
    message = json.loads(event.message())
    assert message["default"] == event.text()
    chat = json.loads(message["https"])
    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    assert chat["content"] == {"title": "shop/prod: Release Promoted", "description": event.text()}


def test_a_subject_is_one_that_sns_takes() -> None:
    subject = Release(stack="é" * 200 + "\n/x").event(release_events.PROMOTED, at=NOW).subject()
    assert len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
