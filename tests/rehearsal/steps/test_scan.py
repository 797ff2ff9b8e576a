"""The scan between bake and launch, on a cloud whose Inspector finds what a test says."""

from __future__ import annotations

from typing import Any

import pytest

from core import vulnerabilities
from rehearsal.cloud.calls import Call, Refusal
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.steps.baking import ended_well, image, run

ONE, TWO = image("scan-one"), image("scan-two")
OPENSSL = {"Title": "CVE-2026-1 - openssl", "SeverityLabel": "critical", "Score": 9.8, "FixAvailable": True}
NANO = {"Title": "CVE-2026-2 - nano", "SeverityLabel": "low", "Score": 3.1, "FixAvailable": True}
UNFIXED = {"Title": "CVE-2026-3 - zlib1g", "SeverityLabel": "critical", "Score": 9.1, "FixAvailable": False}


@pytest.fixture(scope="module")
def live(cloud: Cloud) -> str:
    """An image that nobody scanned when it was baked."""
    return str(ended_well(run(cloud, "bake", ONE))["image"])


def scans(cloud: Cloud, ami: str) -> list[Any]:
    return list(cloud.client("inspector2").list_on_demand_scans(resourceId=ami, resourceType="AMI")["items"])


def test_nothing_is_scanned_where_nobody_asks_for_it(cloud: Cloud, live: str) -> None:
    assert scans(cloud, live) == []


def test_an_image_with_a_fix_to_come_is_refused_with_each_of_them_and_the_same_scan_counts_twice(
    cloud: Cloud, live: str
) -> None:
    cloud.image_findings(live, UNFIXED, NANO, OPENSSL)
    for _ in range(2):
        done = run(cloud, "bake", {**ONE, "max_severity": "high"})
        assert done.returncode == 1
        assert f"{live} has 1 vulnerabilities above maxSeverity high that there is a fix of" in done.stderr
        assert "CVE-2026-1 - openssl (critical 9.8)" in done.stderr
        assert "CVE-2026-2" not in done.stderr and "CVE-2026-3" not in done.stderr
    assert len(scans(cloud, live)) == 1


def test_the_way_back_by_name_is_not_scanned(cloud: Cloud, live: str) -> None:
    assert ended_well(run(cloud, "bake", {**ONE, "image": live, "max_severity": "high"}))["image"] == live


def test_a_new_image_is_told_beside_the_live_one(cloud: Cloud, live: str) -> None:
    cloud.image_findings(live, OPENSSL, NANO)
    ended_well(run(cloud, "scan", {"image": live, "max_severity": "critical"}))
    done = run(cloud, "bake", {**TWO, "max_severity": "critical", "live_image": live})
    made = str(ended_well(done)["image"])
    assert f"beside {live}, which is live, it fixes CVE-2026-1 - openssl (critical 9.8)" in done.stderr
    assert vulnerabilities.read_findings(cloud.client("ec2"), made) == ()
    by_hand = ended_well(run(cloud, "scan", {"image": made, "max_severity": "none"}))
    assert by_hand == {"image": made, "findings": []}


def test_a_scan_that_fails_is_no_clean_image(cloud: Cloud) -> None:
    cloud.fail_scans("UNSUPPORTED_OS")
    try:
        done = run(cloud, "bake", {**image("scan-three"), "max_severity": "critical"})
    finally:
        cloud.fail_scans("")
    assert done.returncode == 1
    assert "it says UNSUPPORTED_OS of scan" in done.stderr and "maxSeverity off" in done.stderr


def test_whoever_may_not_ask_inspector_is_told_what_to_allow_or_to_do_without(cloud: Cloud, live: str) -> None:
    def denied(call: Call) -> Refusal | None:
        if call.service != "inspector2":
            return None
        return Refusal(status=403, code="AccessDeniedException", message="not authorized")

    with cloud.calls.failing(denied):
        done = run(cloud, "bake", {**ONE, "max_severity": "high"})
    assert done.returncode == 1 and f"Amazon Inspector can't be asked about {live}" in done.stderr
    assert "allow inspector2:StartOnDemandScan" in done.stderr and "maxSeverity off" in done.stderr
