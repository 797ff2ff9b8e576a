"""What is let through of what Inspector found, and what differs between two images."""

from __future__ import annotations

from typing import Any

import pytest

from core import vulnerabilities
from core.vulnerabilities import LIMITS, SEVERITIES, Finding, above


def finding(cve: str, severity: str, *, fixable: bool = True, score: float = 0.0) -> Finding:
    return Finding(title=f"CVE-{cve} - openssl", severity=severity, score=score, fixable=fixable)


EVERY = [finding(f"2026-{number}", severity) for number, severity in enumerate(SEVERITIES)]


@pytest.mark.parametrize(
    ("limit", "refused"),
    [
        ("off", []),
        ("critical", []),
        ("high", ["critical"]),
        ("medium", ["critical", "high"]),
        ("low", ["critical", "high", "medium"]),
        ("none", ["critical", "high", "medium", "low"]),
    ],
)
def test_what_is_more_severe_than_the_limit_is_refused_where_there_is_a_fix(limit: str, refused: list[str]) -> None:
    assert [one.severity for one in above(EVERY, limit)] == refused
    assert above([finding("2026-9", "critical", fixable=False)], limit) == ()


def test_every_limit_is_one_that_is_tried_here() -> None:
    assert set(LIMITS) == {"none", "low", "medium", "high", "critical"}


def test_the_worst_comes_first_and_nothing_twice() -> None:
    worse, bad = finding("2026-2", "critical", score=9.8), finding("2026-1", "critical", score=9.1)
    assert above([bad, worse, bad], "high") == (worse, bad)
    assert str(worse) == "CVE-2026-2 - openssl (critical 9.8)"


def test_a_title_names_packages() -> None:
    assert Finding(title="CVE-2026-1 - openssl, libssl3", severity="low").packages == ("openssl", "libssl3")
    assert Finding(title="something else", severity="low").packages == ()


def test_what_one_image_brings_and_fixes() -> None:
    old, new = [EVERY[4], EVERY[1]], [EVERY[1], EVERY[3]]
    assert vulnerabilities.difference(old, new).entries == (
        "brings CVE-2026-3 - openssl (high)",
        "fixes CVE-2026-4 - openssl (critical)",
    )
    assert vulnerabilities.difference(new, new).entries == ()


class Pages:
    """EC2's answer in two pages."""

    def __init__(self, *findings: dict[str, Any]) -> None:
        self.findings = findings

    def get_paginator(self, operation: str) -> Pages:
        assert operation == "get_image_findings"
        return self

    def paginate(self, *, ImageId: str) -> list[dict[str, Any]]:  # noqa: N803 - EC2's word
        assert ImageId == "ami-1"
        return [{"ImageFindings": [one]} for one in self.findings] + [{}]


def test_all_pages_are_read_and_a_finding_without_a_label_is_as_severe_as_its_score() -> None:
    ec2: Any = Pages(
        {"Title": "CVE-1 - a", "SeverityLabel": "low", "Score": 2.0, "FixAvailable": True},
        {"Title": "CVE-2 - b", "Score": 9.8, "FixAvailable": True},
        {"Title": "CVE-3 - c"},
    )
    found = vulnerabilities.read_findings(ec2, "ami-1")
    assert [(one.title, one.severity, one.fixable) for one in found] == [
        ("CVE-2 - b", "critical", True),
        ("CVE-1 - a", "low", True),
        ("CVE-3 - c", "informational", False),
    ]
