"""Which packages the servers that are launched will have that the live ones have not, and the other way round.

For an image that exists. One that is yet to be baked is compared by its bake (steps/image/package_listing.py),
since only it knows what the scripts install on the day. The lists are read as the steps wrote them, by their own code.
"""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from core import package_store, packages
from core.package_store import UnknownPackages
from plan.image_source import ImageSource, known_images
from plan.readers.reads import Reads
from plan.rollout_plan import RolloutPlan

# A plan is read as a whole; all differences are told by `sh steps/run packages`.
LINES = 12


def package_lines(reads: Reads, plan: RolloutPlan, source: ImageSource, *, service: str) -> tuple[str, ...]:
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
            _hashes(reads, [live], service=service)
            made = "baked" if source.needs_bake else "copied"
            return (f"compared with those of {live}, which is live, when the image is {made}",)
        found = _difference(reads, old=live, new=source.image, service=service)
    except (UnknownPackages, BotoCoreError, ClientError) as unknown:
        return (f"not compared: {unknown}",)
    return summarize(found.entries) or (f"none differs from {live}, which is live",)


def summarize(entries: Sequence[str]) -> tuple[str, ...]:
    """The first entries, and how many more there are."""
    if len(entries) <= LINES:
        return tuple(entries)
    return (*entries[:LINES], f"and {len(entries) - LINES} more (sh steps/run packages tells all of them)")


def _difference(reads: Reads, *, old: str, new: str, service: str) -> packages.Difference:
    hashes = _hashes(reads, [old, new], service=service)
    if hashes[old] == hashes[new]:
        return packages.Difference()
    before, after = reads.each(_packages, [(service, image, hashes[image]) for image in (old, new)])
    return packages.difference(before, after)


def _hashes(reads: Reads, wanted: Sequence[str], *, service: str) -> dict[str, str]:
    """Of each image's list, by what is known of the images already, where it is of all of them."""
    known = {one.id: one.tags.get(package_store.TAG, "") for one in reads.ask(known_images, service)}
    if all(known.get(image) for image in wanted):
        return {image: known[image] for image in wanted}
    return package_store.hashes(reads.client("ec2"), wanted)


def _packages(reads: Reads, of: tuple[str, str, str]) -> packages.Packages:
    service, image, hashed = of
    return package_store.read(reads.client("ssm"), service=service, image=image, hashed=hashed)
