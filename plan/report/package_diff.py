"""Which packages the servers that are launched will have that the live ones have not, and the other way round.

For an image that exists. One that is yet to be baked is compared by its bake (steps/image/package_listing.py),
since only it knows what the scripts install on the day. The lists are read as the steps wrote them, by their own code.
"""

from __future__ import annotations

from collections.abc import Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from core import package_store, packages
from core.package_store import UnknownPackages
from plan.image_source import ImageSource
from plan.rollout_plan import RolloutPlan

# A plan is read as a whole; all differences are told by `sh steps/run packages`.
LINES = 12


def package_lines(session: boto3.Session, plan: RolloutPlan, source: ImageSource, *, service: str) -> tuple[str, ...]:
    """For the rollout plan: a line for each difference; none when no group is launched, or none is live.

    Never an error: what can't be known is said.
    """
    live = plan.live_image
    if plan.existing or not live:
        return ()
    if source.image == live:
        return (f"none differs: {live} is live",)
    try:
        if not source.image:
            package_store.hashes(session.client("ec2"), [live])
            made = "baked" if source.needs_bake else "copied"
            return (f"compared with those of {live}, which is live, when the image is {made}",)
        found = _difference(session, old=live, new=source.image, service=service)
    except (UnknownPackages, BotoCoreError, ClientError) as unknown:
        return (f"not compared: {unknown}",)
    return summarize(found.entries) or (f"none differs from {live}, which is live",)


def summarize(entries: Sequence[str]) -> tuple[str, ...]:
    """The first entries, and how many more there are."""
    if len(entries) <= LINES:
        return tuple(entries)
    return (*entries[:LINES], f"and {len(entries) - LINES} more (sh steps/run packages tells all of them)")


def _difference(session: boto3.Session, *, old: str, new: str, service: str) -> packages.Difference:
    hashes = package_store.hashes(session.client("ec2"), [old, new])
    if hashes[old] == hashes[new]:
        return packages.Difference()
    ssm = session.client("ssm")
    before, after = (
        package_store.read(ssm, service=service, image=image, hashed=hashes[image]) for image in (old, new)
    )
    return packages.difference(before, after)
