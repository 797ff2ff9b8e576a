"""What is written down about a group when it is born and when traffic moves: tags of the auto-scaling group.

A tag value has at most 256 characters (EC2 Auto Scaling API reference, Tag), so lists are cut, and say so.
They are written out of band: the program ignores changes of a group's tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from core import server_groups
from core.aws import LARGEST_PAGES, Aws, error_reason
from core.progress import Progress
from core.server_groups import Group
from core.times import iso

LAUNCHED, VERIFY, PROMOTE, WEIGHTS = "phoenix:born", "phoenix:gate-verify", "phoenix:gate-promote", "phoenix:weights"
LONGEST = 256


def encode_launch(created: datetime, launched: Mapping[str, datetime], servers: int) -> str:
    """`at=... servers=2 i-0abc=+4s i-0def=+5s`: servers by the seconds that they were launched after their group."""
    oldest = sorted(launched.items(), key=lambda one: (one[1], one[0]))
    words = [f"{id_}={(when - created).total_seconds():+.0f}s" for id_, when in oldest]
    return _cut([f"at={iso(created)}", f"servers={servers}"], words)


def encode_gate(at: datetime, seconds: float, **figures: int) -> str:
    """What a gate saw: `at=... seconds=41 servers=2`."""
    return " ".join([f"at={iso(at)}", f"seconds={seconds:.0f}", *(f"{key}={value}" for key, value in figures.items())])


def encode_weights(before: str, moves: Iterable[tuple[datetime, int]]) -> str:
    """Shares of production over time: `20261124T120102Z=10 20261124T120202Z=100`; the oldest are dropped first."""
    told = before.split() + [f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}={share}" for at, share in moves]
    while len(" ".join(told)) > LONGEST:
        told.pop(0)
    return " ".join(told)


def _cut(first: list[str], rest: list[str]) -> str:
    for kept in range(len(rest), -1, -1):
        more = [f"more={len(rest) - kept}"] if kept < len(rest) else []
        text = " ".join([*first, *rest[:kept], *more])
        if len(text) <= LONGEST:
            return text
    return " ".join(first)[:LONGEST]


def launch_times(aws: Aws, group: Group) -> dict[str, datetime]:
    """When a group's servers were launched; nothing of those that are gone, or when it may not be asked.

    By the tag that AWS gives them: a filter takes 200 ids, and no more (EC2 user guide, "Filter resources").
    """
    if not group.instances:
        return {}
    try:
        pages = aws.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": f"tag:{server_groups.MEMBER}", "Values": [group.name]}], PaginationConfig=LARGEST_PAGES
        )
        return {
            one["InstanceId"]: one["LaunchTime"]
            for page in pages
            for lot in page["Reservations"]
            for one in lot["Instances"]
            if one["InstanceId"] in group.instances
        }
    except (ClientError, BotoCoreError):
        return {}


def write_record(aws: Aws, progress: Progress, group: str, tags: Mapping[str, str]) -> None:
    """Tags a group once all is done: what fails then is told, and undoes nothing."""
    try:
        server_groups.tag_group(aws, group, tags)
    except (ClientError, BotoCoreError) as error:
        progress.line(f"the certificate of {group} could not be written ({error_reason(error)}); it only informs")
