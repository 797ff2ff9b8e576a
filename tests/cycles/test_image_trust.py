"""Images that nobody is to be launched from: revoked ones, and those with a vulnerability that there is a fix of."""

from __future__ import annotations

from core.names import other_color
from tests.cycles.stack import IDENTITY, Stack
from tests.rehearsal.steps.baking import ended_well, run

OPENSSL = {"Title": "CVE-2026-1 - openssl", "SeverityLabel": "critical", "Score": 9.8, "FixAvailable": True}


def test_a_revoked_image_serves_on_and_nobody_else_is_launched_from_it(stack: Stack) -> None:
    [live] = stack.groups().values()
    named = {"stack": IDENTITY, "fingerprint": live.fingerprint[:12]}
    marked = ended_well(run(stack.cloud, "revoke", {**named, "reason": "a key in a script"}))
    assert marked["fingerprint"] == live.fingerprint
    said = stack.up().text
    assert "was revoked at" in said and "a key in a script" in said
    assert stack.groups() == {live.color: live}

    stack.set(active=other_color(live.color))
    said = stack.refused()
    assert "must lead to an image that is not revoked" in said and "UNDO=true" in said
    assert stack.groups() == {live.color: live}
    stack.set(image=live.fingerprint)
    assert "image = " in stack.refused()

    ended_well(run(stack.cloud, "revoke", {**named, "undo": "true"}))
    stack.set(image="")
    stack.up()
    assert list(stack.groups()) == [other_color(live.color)]


def test_what_there_is_a_fix_of_is_not_launched_and_its_fix_is(stack: Stack) -> None:
    [live] = stack.groups().values()
    stack.set(active="auto", maxSeverity="high")
    stack.change()
    stack.cloud.image_findings("", OPENSSL)
    said = stack.refused()
    assert "vulnerabilities above maxSeverity high that there is a fix of" in said
    assert "CVE-2026-1 - openssl (critical 9.8)" in said
    assert stack.groups() == {live.color: live}

    stack.cloud.image_findings("")
    stack.up()
    assert list(stack.groups()) == [other_color(live.color)]
    stack.set(maxSeverity="")
    stack.idle()
