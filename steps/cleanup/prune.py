"""Deregisters this stack's old images with their snapshots and lists of packages, and takes away what killed bakes
and updates left behind.

Kept are: the newest --image-keep, whatever any launch template version or instance of this account uses, whatever
is younger than a day (another update may be about to use it), and what is revoked, for it says so. Groups among
--orphans go, but for --group and those that production knows: these are the engine's to delete. So does what nobody
knows and no group exists on. What can't be taken away is told, and does not fail the step: the next update tries again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from botocore.exceptions import ClientError

from core import aws, listener_rules, server_groups
from core.errors import StepError
from core.images import Image
from steps.cleanup import old_images, old_lists, sweep
from steps.cleanup.old_images import YOUNG, Selection
from steps.cleanup.tolerant import gone, stays
from steps.image import leftovers
from steps.image.leftovers import Leftover
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    image_keep: int = option(
        "how many of the newest images stay, used or not", parse=parsers.integer(1, 1000), default=5
    )
    group: str = option("name of the active color's auto-scaling group", default="")
    listener: str = option("ARN of the listener", default="")
    orphans: tuple[str, ...] = option(
        "JSON list: groups to delete, if production does not know them; sgr-, lt- and sg- ids; document/NAME; ARNs of"
        " what else goes",
        parse=parsers.json_names,
        default=(),
    )


def prune(options: Options, context: Context) -> dict[str, object]:
    """The five jobs, each of which tells what went."""
    ec2, progress = context.aws.ec2, context.progress
    before = context.clock.utc() - YOUNG
    ours = old_images.find(ec2, service=options.service, stack=options.stack)
    found = leftovers.find(ec2, service=options.service, stack=options.stack)
    chosen, used = _choose(options, context, ours, found, before)
    for image, why in chosen.kept:
        progress.line(f"{image.id} ({image.name}) stays: {why}")
    deregistered, snapshots = old_images.deregister(ec2, progress, chosen.to_deregister)
    taken = _take_leftovers(context, leftovers.select_old(found, used=used, before=before))
    groups, things = _take_orphans(options, context)
    return {
        "deregistered": deregistered,
        "snapshots": snapshots,
        "kept": [image.id for image, _ in chosen.kept],
        "leftovers": taken,
        "lists": old_lists.remove(context, service=options.service, deregistered=deregistered),
        "groups": groups,
        "orphans": things,
    }


def _choose(
    options: Options, context: Context, ours: Sequence[Image], found: Sequence[Leftover], before: datetime
) -> tuple[Selection, set[str]]:
    """Which of `ours` go, and which of these and of the leftovers somebody uses.

    AWS is asked only about those that would go if nobody did. Without its answer nothing may go, so it is no warning
    when it can't be had.
    """
    now = context.clock.utc()
    candidates = [
        image.id for image in old_images.select(ours, used=(), keep=options.image_keep, now=now).to_deregister
    ]
    candidates += [one.id for one in leftovers.select_old(found, used=(), before=before) if one.kind == "image"]
    used = old_images.used_images(context.aws.ec2, candidates)
    return old_images.select(ours, used=used, keep=options.image_keep, now=now), used


def _take_leftovers(context: Context, old: Sequence[Leftover]) -> list[str]:
    """Deletes what killed bakes left, in an order that AWS allows. Returns the ids."""
    ec2 = context.aws.ec2
    return [one.id for one in old if gone(context.progress, str(one), partial(leftovers.delete, ec2, one))]


def _take_orphans(options: Options, context: Context) -> tuple[list[str], list[str]]:
    """Deletes groups that an update left, and then what no state knows and no group exists on. Returns which went."""
    acts = {one: act for one in options.orphans if (act := sweep.deleter_for(context.aws, one))}
    groups = _take_groups(options, context) if len(acts) < len(options.orphans) else []
    things = [one for one, act in acts.items() if gone(context.progress, f"{one}, which no state knows,", act)]
    return groups, things


def _take_groups(options: Options, context: Context) -> list[str]:
    """Deletes groups that an update left which was killed, or went back. Returns their names."""
    known = frozenset(
        arn
        for rule in listener_rules.read_rules(context.aws, options.listener)
        if rule.tags.get("phoenix:rule") != "preview"
        for arn in rule.weights
    )
    everything = server_groups.read_groups(context.aws, options.stack)
    left = sweep.unused_names(everything, names=options.orphans, ours=options.group, known=known)
    try:
        sweep.delete(context.aws, left, context.progress, listener=options.listener)
    except (ClientError, StepError) as error:
        why = aws.error_reason(error) if isinstance(error, ClientError) else error
        context.progress.line(stays(", ".join(one.name for one in left), why))
        return []
    return [one.name for one in left]


if __name__ == "__main__":
    sys.exit(command.run_step("prune", __doc__, Options, prune))
