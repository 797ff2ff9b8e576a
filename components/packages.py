"""Which packages the servers that are born will have that the live ones have not, and the other way round.

For an image that exists. One that is yet to be baked is compared by its bake (steps/listing.py), since only it knows
what the scripts install on the day. The lists are read as the steps wrote them, by the steps' own code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from components.flight import Flight
from components.images import Source
from steps import inventory, package_lists
from steps.package_lists import TAG, UnknownPackages

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

# A plan is read as a whole; all differences are told by `sh steps/run packages`.
LINES = 12


def lines(session: boto3.Session, flight: Flight, source: Source, *, service: str) -> tuple[str, ...]:
    """For the flight plan: a line for each difference; none when nobody is born, or beside nobody.

    Never an error: what can't be known is said.
    """
    live = flight.live_image
    if flight.standing or not live:
        return ()
    if source.image == live:
        return (f"none differs: {live} is live",)
    try:
        if not source.image:
            _listed(_hashes(session.client("ec2"), [live]), live)
            return (f"compared with those of {live}, which is live, when the image is baked",)
        found = _difference(session, old=live, new=source.image, service=service)
    except (UnknownPackages, BotoCoreError, ClientError) as unknown:
        return (f"not compared: {unknown}",)
    return told(found.entries) or (f"none differs from {live}, which is live",)


def told(entries: Sequence[str]) -> tuple[str, ...]:
    """The first entries, and how many more there are."""
    if len(entries) <= LINES:
        return tuple(entries)
    return (*entries[:LINES], f"and {len(entries) - LINES} more (sh steps/run packages tells all of them)")


def _difference(session: boto3.Session, *, old: str, new: str, service: str) -> inventory.Difference:
    hashes = _hashes(session.client("ec2"), [old, new])
    for image in (old, new):
        _listed(hashes, image)
    if hashes[old] == hashes[new]:
        return inventory.Difference()
    ssm = session.client("ssm")
    before, after = (
        package_lists.read(ssm, service=service, image=image, hashed=hashes[image]) for image in (old, new))
    return inventory.difference(before, after)


def _listed(hashes: Mapping[str, str], image: str) -> None:
    """Raises UnknownPackages for an image that is gone or has no list."""
    if image not in hashes:
        raise UnknownPackages(f"{image} is no image of this account any more")
    if not hashes[image]:
        raise UnknownPackages(f"{image} has no list of its packages")


def _hashes(ec2: EC2Client, wanted: Sequence[str]) -> dict[str, str]:
    """Image -> hash of its list (empty: it has none). A filter, since asking for the id of one that is gone fails."""
    pages = ec2.get_paginator("describe_images").paginate(
        Owners=["self"], Filters=[{"Name": "image-id", "Values": list(wanted)}])
    return {image["ImageId"]: {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}.get(TAG, "")
            for page in pages for image in page["Images"]}
