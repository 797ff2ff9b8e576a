"""What the plan makes of vulnerabilities that EC2 knows of: a bake, a flip by itself, and lines for people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from plan import rollout_plan
from plan.checks import warnings
from plan.image_source import ImageSource
from plan.readers import findings
from plan.report import vulnerability_diff
from tests.support.factories import NOW, group, live, reads, recipe, settings
from tests.unit.plan.test_image_source import KNOWN

OLD, NEW = "1" * 64, "2" * 64
BAD = {"Title": "CVE-2026-1 - openssl", "SeverityLabel": "critical", "Score": 9.8, "FixAvailable": True}
LOW = {"Title": "CVE-2026-2 - nano", "SeverityLabel": "low", "Score": 2.0, "FixAvailable": True}
GATED: dict[str, Any] = {"max_severity": "high"}


class Ec2:
    """Findings by image; None: AWS refuses to tell."""

    def __init__(self, found: dict[str, list[Any]] | None) -> None:
        self.found, self.asked = found, 0

    def client(self, _name: str, **_: Any) -> Ec2:
        return self

    def get_paginator(self, _operation: str) -> Ec2:
        return self

    def paginate(self, *, ImageId: str) -> list[dict[str, Any]]:  # noqa: N803 - EC2's word
        self.asked += 1
        if self.found is None:
            error: Any = {"Code": "UnauthorizedOperation", "Message": "not authorized"}
            raise ClientError({"Error": error}, "GetImageFindings")
        return [{"ImageFindings": self.found.get(ImageId, [])}]


def test_a_limit_is_off_unless_it_is_set_or_the_stack_is_protected() -> None:
    assert settings().severity_limit == "off"
    assert settings(protect=True).severity_limit == "high"
    assert settings(protect=True, max_severity="off").severity_limit == "off"
    assert settings(max_severity="low").severity_limit == "low"


@pytest.mark.parametrize(
    ("said", "found", "bakes"),
    [
        (GATED, [BAD], True),
        (GATED, [LOW], False),
        ({"max_severity": "critical"}, [BAD], False),
        ({}, [BAD], False),
        ({**GATED, "image_from": "111111111111"}, [BAD], False),
    ],
)
def test_an_image_with_a_fix_to_come_saves_no_bake(said: dict[str, Any], found: list[Any], bakes: bool) -> None:
    two_days = KNOWN[0]
    ec2: Any = Ec2({two_days.id: found})
    why = findings.reason_to_bake(reads(ec2), settings(**said), [two_days], now=NOW)
    assert bool(why) == bakes
    if bakes:
        assert why == (
            f"{two_days.id} has 1 vulnerabilities above maxSeverity that there is a fix of:"
            " CVE-2026-1 - openssl (critical 9.8)"
        )
    assert not findings.reason_to_bake(reads(ec2), settings(**said), [two_days], now=NOW - timedelta(days=1.5)), (
        "its first day"
    )


def test_what_aws_does_not_tell_stops_no_plan() -> None:
    refusing: Any = Ec2(None)
    assert findings.reason_to_bake(reads(refusing), settings(**GATED), KNOWN, now=NOW) == ""
    serving = live(group("blue", OLD))
    assert findings.with_findings(reads(refusing), settings(**GATED), serving) == serving


def test_only_what_serves_is_asked_about_and_nobody_where_it_is_off() -> None:
    both = live(group("blue", OLD, weight=0), group("green", NEW))
    ec2: Any = Ec2({f"ami-{OLD}": [BAD], f"ami-{NEW}": [BAD, LOW]})
    assert findings.with_findings(reads(ec2), settings(), both) == both and ec2.asked == 0
    seen = findings.with_findings(reads(ec2), settings(**GATED), both)
    assert {one.color: one.vulnerable for one in seen.groups} == {
        "blue": (),
        "green": ("CVE-2026-1 - openssl (critical 9.8)",),
    }


def decided(*, days: float, **said: Any) -> rollout_plan.RolloutPlan:
    serving = replace(group("blue", NEW, days=days), vulnerable=("CVE-2026-1 - openssl (critical 9.8)",))
    return rollout_plan.decide_rollout(settings(**said), recipe(NEW), live(serving), now=NOW)


def test_auto_flips_for_what_there_is_a_fix_of_once_a_bake_may_bring_it() -> None:
    assert decided(days=2, active="auto", **GATED).active.color == "green"
    assert decided(days=0.9, active="auto", **GATED).active.color == "blue"
    assert decided(days=2, active="blue", **GATED).active.color == "blue", "a flag is a person's"
    assert decided(days=2, active="auto", image=NEW, **GATED).active.color == "blue"
    assert decided(days=2, active="auto", image_from="111111111111", **GATED).active.color == "blue"


def test_the_plan_says_what_serves_with_a_fix_to_come() -> None:
    serving = replace(group("blue", NEW, days=2), vulnerable=("CVE-1 - a", "CVE-2 - b", "CVE-3 - c", "CVE-4 - d"))
    alive = replace(live(serving), has_preview_rule=True)
    plan = rollout_plan.decide_rollout(settings(**GATED), recipe(NEW), alive, now=NOW)
    source = ImageSource(NEW, "", image_ids=(f"ami-{NEW}",))
    assert warnings.warnings(settings(**GATED), plan, alive, source, now=NOW) == [
        "blue's image has 4 vulnerabilities above maxSeverity that there is a fix of"
        " (CVE-1 - a, CVE-2 - b, CVE-3 - c, ...) (active: auto would flip)"
    ]


def lines(found: dict[str, list[Any]] | None, *, there: str = f"ami-{NEW}", **said: Any) -> tuple[str, ...]:
    plan = rollout_plan.decide_rollout(settings(active="green", **said), recipe(NEW), live(group("blue", OLD)), now=NOW)
    return vulnerability_diff.vulnerability_lines(
        reads(Ec2(found)), plan, ImageSource(NEW, "", image=there), settings(**said)
    )


def test_the_plan_says_what_a_launch_fixes_and_brings() -> None:
    found = {f"ami-{OLD}": [BAD], f"ami-{NEW}": [LOW]}
    assert lines(found, **GATED) == (
        "Amazon Inspector scans the image first; the launch is refused for any above high that there is a fix of",
        "brings CVE-2026-2 - nano (low 2)",
        "fixes CVE-2026-1 - openssl (critical 9.8)",
    )
    assert lines(found, there="", **GATED)[1:] == (), "it is yet to be baked"
    assert lines(None, **GATED)[1].startswith(f"not compared with ami-{OLD}, which is live: ")
    assert "; whatever is found is launched, and told" in lines(found, max_severity="critical")[0]
    assert lines(found, image=NEW, **GATED)[0] == "the image that was named is launched without a scan"


def test_a_protected_stack_without_a_scan_says_so() -> None:
    assert lines({}, protect=True, max_severity="off") == (
        "the image is not scanned for vulnerabilities (maxSeverity is off)",
    )
    assert lines({}) == ()
