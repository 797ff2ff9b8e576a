"""The scan between bake and launch: which one is asked for, how long it is waited for, and when a bake may mend it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core import package_store
from core.aws import Aws
from core.errors import StepError
from core.package_store import UnknownPackages
from core.progress import Progress
from steps.image import bake, scan
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.unit.core.test_images import ACCOUNT, FINGERPRINT, HOUR, REGION, image
from tests.unit.steps.cloud import FakeClock

BAD = {"Title": "CVE-2026-1 - openssl", "SeverityLabel": "critical", "Score": 9.8, "FixAvailable": True}


@dataclass
class Fake:
    """Inspector and EC2. `looks`: of a scan until it ends; `late`: of findings until they are seen."""

    clock: FakeClock
    looks: int = 2
    late: int = 1
    status: str = "SUCCESSFUL"
    conflict: bool = False
    findings: list[dict[str, Any]] = field(default_factory=lambda: [BAD])
    scans: list[dict[str, Any]] = field(default_factory=list)
    begun: int = 0

    def add(self, *, status: str, age: timedelta) -> None:
        at = self.clock.utc() - age
        ended = {} if status == "IN_PROGRESS" else {"completedAt": at}
        self.scans.append({"scanId": f"s{len(self.scans)}", "scanStatus": status, "startedAt": at, **ended})

    def start_on_demand_scan(self, **asked: str) -> dict[str, str]:
        assert asked["resourceType"] == "AMI"
        self.begun += 1
        self.add(status="IN_PROGRESS", age=timedelta())
        if self.conflict:
            error: Any = {"Code": "ConflictException", "Message": "a scan is in progress"}
            raise ClientError({"Error": error}, "StartOnDemandScan")
        return {"scanId": self.scans[-1]["scanId"]}

    def get_on_demand_scan_status(self, *, scanId: str, **_: str) -> dict[str, Any]:  # noqa: N803 - AWS's word
        found = next(one for one in self.scans if one["scanId"] == scanId)
        self.looks -= 1
        if found["scanStatus"] == "IN_PROGRESS" and self.looks <= 0:
            found.update(scanStatus=self.status, completedAt=self.clock.utc(), scanStatusReason="UNSUPPORTED_OS")
        return found

    def get_paginator(self, operation: str) -> Fake:
        self.operation = operation
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        if self.operation == "list_on_demand_scans":
            return [{"items": list(self.scans)}]
        self.late -= 1
        return [{"ImageFindings": self.findings if self.late < 0 else []}]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def context(fake: Fake) -> Context:
    nobody: Any = None
    used = Aws(nobody)
    used.__dict__.update(inspector=fake, ec2=fake, ssm=None)
    return Context(
        aws=used, clock=fake.clock, progress=Progress(fake.clock, stream=io.StringIO()), interrupts=Interrupts()
    )


def options(limit: str = "high") -> bake.Options:
    return bake.Options(
        stack="phoenix/dev",
        account=ACCOUNT,
        region=REGION,
        service="phoenix",
        fingerprint=FINGERPRINT,
        base_image="debian-12",
        max_severity=limit,
    )


def test_off_asks_nobody(clock: FakeClock) -> None:
    fake = Fake(clock)
    assert scan.judge(context(fake), image(), options("off")) == () and fake.begun == 0
    scan.let_through(context(fake), image(), (), options("off"))


def test_findings_that_come_after_the_scans_end_are_waited_for(clock: FakeClock) -> None:
    fake = Fake(clock, late=3)
    assert [one.title for one in scan.judge(context(fake), image(), options())] == ["CVE-2026-1 - openssl"]


@pytest.mark.parametrize(
    ("status", "age", "begun"),
    [
        ("SUCCESSFUL", HOUR, 0),
        ("IN_PROGRESS", HOUR, 0),
        ("SUCCESSFUL", 25 * HOUR, 1),
        ("FAILED", HOUR, 1),
    ],
)
def test_a_scan_that_is_fresh_or_goes_on_saves_another(
    clock: FakeClock, status: str, age: timedelta, begun: int
) -> None:
    fake = Fake(clock)
    fake.add(status=status, age=age)
    scan.judge(context(fake), image(), options())
    assert fake.begun == begun


def test_a_scan_that_somebody_else_began_at_this_moment_is_waited_for(clock: FakeClock) -> None:
    assert scan.judge(context(Fake(clock, conflict=True)), image(), options())


def test_a_scan_without_an_end_and_one_that_fails_are_told(clock: FakeClock) -> None:
    began = clock.now()
    with pytest.raises(StepError, match="takes longer than 2700 s"):
        scan.judge(context(Fake(clock, looks=10**6)), image(), options())
    assert clock.now() - began >= scan.SCAN_SECONDS
    with pytest.raises(StepError, match="could not scan") as error:
        scan.judge(context(Fake(clock, status="FAILED")), image(), options())
    assert "UNSUPPORTED_OS" in str(error.value) and "maxSeverity off" in str(error.value)


def test_a_refusal_names_what_is_installed(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_store, "read", lambda *_, **__: {"openssl": ("3.0.14-1",)})
    fake = Fake(clock)
    found = scan.judge(context(fake), image(), options())
    with pytest.raises(StepError) as error:
        scan.let_through(context(fake), image(), found, options())
    assert "CVE-2026-1 - openssl (critical 9.8), installed: openssl 3.0.14-1" in str(error.value)
    assert "pulumi config set maxSeverity HIGHER" in str(error.value)
    scan.let_through(context(fake), image(), found, options("critical"))


def test_a_bake_may_mend_an_image_that_is_older_than_a_day_and_no_other(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise UnknownPackages("PHX-901", "it has no list")

    monkeypatch.setattr(package_store, "read", unknown)
    now = clock.utc()
    old, young = (
        replace(image(), tags={**image().tags, "phoenix:baked-at": (now - age).strftime("%Y-%m-%dT%H:%M:%SZ")})
        for age in (25 * HOUR, 23 * HOUR)
    )
    assert bake._outdated(options(), context(Fake(clock)), old)
    with pytest.raises(StepError, match="has 1 vulnerabilities above maxSeverity high"):
        bake._outdated(options(), context(Fake(clock)), young)
    assert not bake._outdated(options(), context(Fake(clock, findings=[])), old)
    assert not bake._outdated(options("critical"), context(Fake(clock)), old)
