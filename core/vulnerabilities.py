"""Vulnerabilities that Amazon Inspector found in an image, and which of them are not let through.

EC2 tells Inspector's findings of an image (GetImageFindings, EC2 API reference): a title that names the CVE and its
packages, a severity, and whether there is a fix; not which version it is in. Of an image that nobody has scanned it
tells none, so an empty answer alone says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.images import Image

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

SEVERITIES = ("informational", "low", "medium", "high", "critical")
# Values of maxSeverity: the highest that is let through where there is a fix. With `critical` all is only told.
LIMITS = ("none", *SEVERITIES[1:])
OFF = "off"
# The same scripts on the same base would be the same image: only after so long is one baked for what was found.
SAME_FOR = timedelta(days=1)
# CVSS scores from which a severity begins (EC2 API reference, ImageFinding), for a finding without a label.
_SCORES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))


@dataclass(frozen=True, kw_only=True)
class Finding:
    title: str
    severity: str
    score: float = 0.0
    fixable: bool = False

    def __str__(self) -> str:
        return f"{self.title} ({self.severity}{f' {self.score:g}' if self.score else ''})"

    @property
    def rank(self) -> int:
        return SEVERITIES.index(self.severity)

    @property
    def packages(self) -> tuple[str, ...]:
        """As a title names them: `CVE-2026-1234 - openssl, libssl3`."""
        _, dash, names = self.title.partition(" - ")
        return tuple(name.strip() for name in names.split(",") if name.strip()) if dash else ()


def above(findings: Iterable[Finding], limit: str) -> tuple[Finding, ...]:
    """Those with a fix that are more severe than `limit` lets through, the worst first."""
    if limit == OFF:
        return ()
    highest = LIMITS.index(limit)  # `none` and `informational` are alike: CVSS scores of 0 are no vulnerability
    return worst_first(one for one in findings if one.fixable and one.rank > highest)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(set(findings), key=lambda one: (-one.rank, -one.score, one.title)))


@dataclass(frozen=True, kw_only=True)
class Difference:
    fixes: tuple[Finding, ...]
    brings: tuple[Finding, ...]

    @property
    def entries(self) -> tuple[str, ...]:
        return (*(f"brings {one}" for one in self.brings), *(f"fixes {one}" for one in self.fixes))


def difference(old: Iterable[Finding], new: Iterable[Finding]) -> Difference:
    """What an image with `new` has that one with `old` has not, and the other way round, by title."""
    before, after = {one.title: one for one in old}, {one.title: one for one in new}
    return Difference(
        fixes=worst_first(one for title, one in before.items() if title not in after),
        brings=worst_first(one for title, one in after.items() if title not in before),
    )


def bake_helps(image: Image, now: datetime) -> bool:
    """Whether a bake of the same scripts may give another image than this one, with newer packages."""
    return now - image.baked_at > SAME_FOR


def read_findings(ec2: EC2Client, image: str) -> tuple[Finding, ...]:
    """What EC2 knows of an image, the worst first. Raises ClientError."""
    client: Any = ec2  # the types of this version of boto3 do not have it yet
    pages = client.get_paginator("get_image_findings").paginate(ImageId=image)
    return worst_first(_parse(one) for page in pages for one in page.get("ImageFindings", ()))


def _parse(said: Any) -> Finding:
    score = float(said.get("Score") or 0.0)
    label = str(said.get("SeverityLabel") or "").lower()
    if label not in SEVERITIES:
        label = next((name for least, name in _SCORES if score >= least), SEVERITIES[0])
    return Finding(
        title=said.get("Title") or "a finding without a title",
        severity=label,
        score=score,
        fixable=bool(said.get("FixAvailable")),
    )
