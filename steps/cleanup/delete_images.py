"""Deletes what `pulumi destroy` leaves of a stack: its images with their snapshots and lists of packages.

Without --delete true it only tells them. By hand only: no update runs it, and a stack that has a group is refused,
whose images are prune's. Images stay that something in this account uses, or other accounts share, or that are revoked.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from core import server_groups
from core.errors import StepError
from core.images import Image
from core.names import shown
from core.times import iso
from steps.cleanup import old_images, old_lists
from steps.cleanup.old_images import Selection
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    delete: bool = option("true deletes them", parse=parsers.boolean, default=False)


def delete_images(options: Options, context: Context) -> dict[str, object]:
    _refuse_standing(options, (one.name for one in server_groups.read_groups(context.aws, options.stack)))
    ec2, progress = context.aws.ec2, context.progress
    ours = old_images.find(ec2, service=options.service, stack=options.stack)
    chosen = select(ours, used=old_images.used_images(ec2, [image.id for image in ours]))
    for image, why in chosen.kept:
        progress.line(f"{_described(image)} stays: {why}")
    for image in chosen.to_deregister:
        progress.line(f"{_described(image)} {'goes' if options.delete else 'would go'}")
    if not options.delete:
        if chosen.to_deregister:
            progress.line(f"nothing was deleted; do: make delete-images STACK={_stack(options)} DELETE=true")
        return {"found": [image.id for image in chosen.to_deregister], "deregistered": [], "snapshots": [], "lists": []}
    went, snapshots = old_images.deregister(ec2, progress, chosen.to_deregister)
    return {
        "found": [image.id for image in chosen.to_deregister],
        "deregistered": went,
        "snapshots": snapshots,
        "lists": old_lists.remove(context, service=options.service, deregistered=went),
    }


def select(ours: Sequence[Image], *, used: Collection[str]) -> Selection:
    """Which images of a stack that is gone go, newest first. `used`: ids that a template or an instance names."""
    doomed: list[Image] = []
    kept: list[tuple[Image, str]] = []
    for image in sorted(ours, key=lambda image: image.created, reverse=True):
        if image.revoked:
            kept.append((image, f"it is revoked ({image.revoked})"))
        elif image.shared_by:
            kept.append((image, f"{image.shared_by} shares it with other accounts, whose servers AWS does not tell of"))
        elif image.id in used:
            kept.append((image, "a launch template or an instance uses it"))
        else:
            doomed.append(image)
    return Selection(to_deregister=tuple(doomed), kept=tuple(kept))


def _refuse_standing(options: Options, groups: Iterable[str]) -> None:
    if standing := sorted(groups):
        raise StepError(
            "PHX-808",
            f"the images of {options.stack} were not deleted: it has servers",
            why=f"{', '.join(standing)}; while a stack stands, each update deletes its old images (imageKeep)",
            do=f"to end the service first: make destroy STACK={_stack(options)}",
        )


def _stack(options: Options) -> str:
    return options.stack.partition("/")[2]


def _described(image: Image) -> str:
    snapshots = f"{len(image.snapshots)} snapshot{'' if len(image.snapshots) == 1 else 's'}"
    return f"{image.id} (fingerprint {shown(image.fingerprint)}, baked at {iso(image.baked_at)}, {snapshots})"


if __name__ == "__main__":
    sys.exit(command.run_step("delete_images", __doc__, Options, delete_images))
