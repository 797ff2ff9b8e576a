"""Has Amazon Inspector scan an image, and refuses it for vulnerabilities that there is a fix of.

    sh steps/run scan --stack shop/prod --account 123456789012 --region eu-west-1 --service shop --image ami-... \\
        --max-severity high

Updates do it between bake and launch, where maxSeverity says so. By hand or by a schedule it brings the findings of an
image that serves up to date: with `active: auto` the next update flips for what there is a fix of by then.
An on-demand scan needs no activated Inspector and costs per image (Inspector user guide, "Running on-demand machine
image scans"). Its findings are read from EC2, for Inspector itself only tells EventBridge.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, images, package_store, packages, vulnerabilities
from core.errors import StepError
from core.images import Image
from core.package_store import TAG, UnknownPackages
from core.times import iso
from core.vulnerabilities import LIMITS, OFF, Finding
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option
from steps.runtime.polling import Pending, poll

# AWS promises no time; it reads the image's snapshots, and gives up by itself when that takes too long.
SCAN_SECONDS = 2700.0
# What Inspector knew so lately counts: a second try of an update waits for no second scan.
FRESH = timedelta(days=1)
# EC2 may show findings a little after the scan's end: they are read until they stay the same, and no sooner than this.
SETTLE_SECONDS = 10.0
SHOWN = 20
WAY_OUT = "pulumi config set maxSeverity off launches without a scan"


def limit(text: str) -> str:
    """maxSeverity as a step's option. Raises ValueError."""
    if text not in (OFF, *LIMITS):
        raise ValueError(f"neither {', '.join((OFF, *LIMITS[:-1]))} nor {LIMITS[-1]}")
    return text


class Gated(Protocol):
    """The options that say what an image is let through with."""

    @property
    def service(self) -> str: ...

    @property
    def live_image(self) -> str: ...

    @property
    def max_severity(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose image it is", parse=parsers.non_empty)
    image: str = option("fingerprint or ami-... of an image", parse=parsers.non_empty)
    max_severity: str = option("the highest severity that is let through where there is a fix", parse=limit)
    live_image: str = option("ami-... to compare with; empty: none", default="")


def scan(options: Options, context: Context) -> dict[str, object]:
    ours = images.of_service(context.aws.ec2, options.service)
    image = images.select_pinned(ours, options.image, service=options.service)
    found = judge(context, image, options)
    let_through(context, image, found, options)
    return {"image": image.id, "findings": [str(one) for one in found]}


def judge(context: Context, image: Image, gated: Gated) -> tuple[Finding, ...]:
    """The image's findings, from a scan that is not older than a day; none when nobody asks for a scan.

    Raises StepError when Inspector can't be asked, or can't scan it.
    """
    if gated.max_severity == OFF:
        return ()
    try:
        ended = _scanned(context, image)
        return _settled(context, image, ended)
    except (ClientError, BotoCoreError) as error:
        raise StepError(
            "PHX-431",
            f"Amazon Inspector can't be asked about {image.id}",
            why=aws.error_reason(error),
            do="allow inspector2:StartOnDemandScan, inspector2:GetOnDemandScanStatus, inspector2:ListOnDemandScans and"
            f" ec2:GetImageFindings (docs/iam); where Inspector is not, {WAY_OUT}",
        ) from error


def refused(found: Sequence[Finding], gated: Gated) -> tuple[Finding, ...]:
    return vulnerabilities.above(found, gated.max_severity)


def let_through(context: Context, image: Image, found: Sequence[Finding], gated: Gated) -> None:
    """Tells what was found, and what differs from the live image. Raises StepError for what is not let through."""
    if gated.max_severity == OFF:
        return
    _tell(context, image, found, gated)
    if not (bad := refused(found, gated)):
        return
    installed = _installed(context, image, gated)
    lines = [f"{one}{_versions(one, installed)}" for one in bad[:SHOWN]]
    more = [f"and {len(bad) - SHOWN} more"] if len(bad) > SHOWN else []
    raise StepError(
        "PHX-432",
        f"{image.id} has {len(bad)} vulnerabilities above maxSeverity {gated.max_severity} that there is a fix of",
        why="\n".join([*lines, *more]),
        do="have image/provision install what is fixed, then pulumi up (an image that is older than a day is baked anew"
        " by itself); or bear them: pulumi config set maxSeverity HIGHER",
    )


def _tell(context: Context, image: Image, found: Sequence[Finding], gated: Gated) -> None:
    fixable = sum(one.fixable for one in found)
    context.progress.line(f"{image.id} has {len(found)} vulnerabilities that are known; there is a fix of {fixable}")
    if not gated.live_image or gated.live_image == image.id:
        return
    try:
        before = vulnerabilities.read_findings(context.aws.ec2, gated.live_image)
    except (ClientError, BotoCoreError) as error:
        context.progress.line(f"not compared with {gated.live_image}, which is live: {aws.error_reason(error)}")
        return
    entries = vulnerabilities.difference(before, found).entries
    for entry in entries[:SHOWN]:
        context.progress.line(f"beside {gated.live_image}, which is live, it {entry}")
    if len(entries) > SHOWN:
        context.progress.line(f"and {len(entries) - SHOWN} more")


def _installed(context: Context, image: Image, gated: Gated) -> packages.Packages:
    """The versions in the image, which EC2 does not tell, from its own list."""
    try:
        return package_store.read(
            context.aws.ssm, service=gated.service, image=image.id, hashed=image.tags.get(TAG, "")
        )
    except UnknownPackages:
        return {}


def _versions(finding: Finding, installed: packages.Packages) -> str:
    known = [f"{name} {' and '.join(installed[name])}" for name in finding.packages if name in installed]
    return f", installed: {', '.join(known)}" if known else ""


def _scanned(context: Context, image: Image) -> datetime:
    """When a scan of the image ended: one that is not older than a day, else a new one."""
    inspector, asked = context.aws.inspector, {"resourceId": image.id, "resourceType": "AMI"}
    scan_id = _known_scan(context, inspector, asked) or _begun(context, inspector, asked)
    progress = context.progress.bounded(SCAN_SECONDS)

    def check() -> datetime | Pending:
        said = inspector.get_on_demand_scan_status(**asked, scanId=scan_id)
        if said["scanStatus"] == "SUCCESSFUL":
            ended: datetime = said.get("completedAt") or context.clock.utc()
            progress.line(f"Amazon Inspector has scanned {image.id} at {iso(ended)}")
            return ended
        if said["scanStatus"] == "FAILED":
            raise StepError(
                "PHX-433",
                f"Amazon Inspector could not scan {image.id}",
                why=f"it says {said.get('scanStatusReason', 'no reason')} of scan {scan_id}",
                do="pulumi up tries again; ACCESS_DENIED: let Inspector use the key of the image's snapshot;"
                f" UNSUPPORTED_OS: {WAY_OUT}",
            )
        error = StepError(
            "PHX-434",
            f"Amazon Inspector takes longer than {SCAN_SECONDS:.0f} s to scan {image.id}",
            why=f"scan {scan_id} goes on",
            do=f"pulumi up later: it finds the scan and goes on from there; or {WAY_OUT}",
        )
        return Pending(text=f"Amazon Inspector scans {image.id}", error=error)

    return poll(progress, check)


def _known_scan(context: Context, inspector: Any, asked: dict[str, str]) -> str:
    """The newest scan that goes on, or ended well within a day; empty for none."""
    pages = inspector.get_paginator("list_on_demand_scans").paginate(**asked)
    scans = sorted((one for page in pages for one in page["items"]), key=lambda one: one["startedAt"], reverse=True)
    for one in scans:
        fresh = one.get("completedAt") and context.clock.utc() - one["completedAt"] < FRESH
        if one["scanStatus"] == "IN_PROGRESS" or (one["scanStatus"] == "SUCCESSFUL" and fresh):
            return str(one["scanId"])
    return ""


def _begun(context: Context, inspector: Any, asked: dict[str, str]) -> str:
    try:
        return str(inspector.start_on_demand_scan(**asked)["scanId"])
    except ClientError as error:
        # Somebody began one at this moment.
        if aws.error_code(error) != "ConflictException" or not (known := _known_scan(context, inspector, asked)):
            raise
        return known


def _settled(context: Context, image: Image, ended: datetime) -> tuple[Finding, ...]:
    """The findings once they stay the same."""
    seen: list[tuple[Finding, ...]] = []

    def check() -> tuple[Finding, ...] | Pending:
        seen.append(vulnerabilities.read_findings(context.aws.ec2, image.id))
        late = (context.clock.utc() - ended).total_seconds() >= SETTLE_SECONDS
        if late and seen[-2:] == [seen[-1], seen[-1]]:
            return seen[-1]
        error = StepError(
            "PHX-435", f"the findings of {image.id} change still", why="EC2 tells others at each look", do="pulumi up"
        )
        return Pending(
            text=f"{len(seen[-1])} findings of {image.id}; they are read until they stay the same", error=error
        )

    return poll(context.progress.bounded(10 * SETTLE_SECONDS), check)


if __name__ == "__main__":
    sys.exit(command.run_step("scan", __doc__, Options, scan))
