"""What Amazon Inspector found in images, as far as EC2 knows it now: nothing is scanned for a plan.

What can't be read is no finding, and no error: the step between bake and launch asks again, and fails then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from core import vulnerabilities
from core.images import Image
from core.vulnerabilities import OFF, Finding
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.readers.reads import QUICK, Reads


def reason_to_bake(reads: Reads, settings: Settings, images: Iterable[Image], *, now: datetime) -> str:
    """Why an image that is there saves no bake; empty when it does. A copy can't be baked, it is refused instead."""
    if settings.severity_limit == OFF or settings.image_from:
        return ""
    for image in images:
        bad = _refused(reads, image.id, settings)
        if bad and vulnerabilities.bake_helps(image, now):
            return f"{image.id} has {len(bad)} vulnerabilities above maxSeverity that there is a fix of: {bad[0]}"
    return ""


def with_findings(reads: Reads, settings: Settings, live: LiveState) -> LiveState:
    """The groups that have production with what their image would not be launched with any more."""
    if settings.severity_limit == OFF:
        return live
    groups = (
        replace(group, vulnerable=tuple(map(str, _refused(reads, group.image, settings))))
        if group.weight and group.image
        else group
        for group in live.groups
    )
    return replace(live, groups=tuple(groups))


def read_findings(reads: Reads, image: str) -> tuple[Finding, ...]:
    """All that EC2 knows of an image. Raises ClientError, BotoCoreError."""
    return vulnerabilities.read_findings(reads.client("ec2", config=QUICK), image)


def _refused(reads: Reads, image: str, settings: Settings) -> tuple[Finding, ...]:
    try:
        return vulnerabilities.above(reads.ask(read_findings, image), settings.severity_limit)
    except (ClientError, BotoCoreError):
        return ()
