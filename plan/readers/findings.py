"""What Amazon Inspector found in images, as far as EC2 knows it now: nothing is scanned for a plan.

What can't be read is no finding, and no error: the step between bake and launch asks again, and fails then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from core import vulnerabilities
from core.images import Image
from core.vulnerabilities import OFF, Finding
from plan.config.settings import Settings
from plan.readers.account_limits import QUICK
from plan.readers.live_state import LiveState

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client


def reason_to_bake(ec2: EC2Client, settings: Settings, images: Iterable[Image], *, now: datetime) -> str:
    """Why an image that is there saves no bake; empty when it does. A copy can't be baked, it is refused instead."""
    if settings.severity_limit == OFF or settings.image_from:
        return ""
    for image in images:
        bad = _refused(ec2, image.id, settings)
        if bad and vulnerabilities.bake_helps(image, now):
            return f"{image.id} has {len(bad)} vulnerabilities above maxSeverity that there is a fix of: {bad[0]}"
    return ""


def with_findings(session: boto3.Session, settings: Settings, live: LiveState) -> LiveState:
    """The groups that have production with what their image would not be launched with any more."""
    if settings.severity_limit == OFF:
        return live
    ec2 = session.client("ec2", config=QUICK)
    groups = (
        replace(group, vulnerable=tuple(map(str, _refused(ec2, group.image, settings))))
        if group.weight and group.image
        else group
        for group in live.groups
    )
    return replace(live, groups=tuple(groups))


def _refused(ec2: EC2Client, image: str, settings: Settings) -> tuple[Finding, ...]:
    try:
        return vulnerabilities.above(vulnerabilities.read_findings(ec2, image), settings.severity_limit)
    except (ClientError, BotoCoreError):
        return ()
