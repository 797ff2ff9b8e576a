"""What AWS tells of servers that could not be launched or did not live."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from core import server_groups
from core.aws import Aws
from core.server_groups import Group
from core.times import iso

if TYPE_CHECKING:
    from types_boto3_autoscaling.type_defs import ActivityTypeDef

# A group older than this may be one that was repaired (a permission given, a quota raised) since its launches failed.
YOUNG_SECONDS = 60.0
# The tag of a group whose launch failed, and was told to somebody who may have repaired it since; its value is when.
FAILED = "phoenix:failed"
CONSOLE_LINES, LONGEST_LINE = 20, 500
# What reads the secrets of a server when it starts (image/common/resolve_secrets.py) says so on the console; what comes
# after it may have scrolled it away from the end.
SECRETS_FAILED = re.compile(r"phoenix-secrets\[\d+\]: (FAILED: .+)")
SECRETS = "its secrets: "
SECRETS_DO = (
    "put what lacks into Parameter Store or Secrets Manager, or mend the names in `environment`; the policy of a KMS "
    "key of yours must let the servers' roles decrypt as well"
)
# Looking at more servers than this for one that wrote something takes longer than it helps.
CONSOLES = 3


def failures(aws: Aws, group: str, *, but: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Why launches failed, newest first, without the activities named in `but`."""
    return tuple(
        activity.get("StatusMessage") or activity["Description"]
        for activity in _failed(aws, group)
        if activity["ActivityId"] not in but
    )


def acknowledged_failures(aws: Aws, group: Group, now: datetime) -> frozenset[str]:
    """The launches that failed before, of an older group or one whose trouble was told: only new ones count."""
    young = (now - group.created.astimezone(UTC)).total_seconds() < YOUNG_SECONDS
    if young and FAILED not in group.tags:
        return frozenset()
    return known_failures(aws, group.name)


def known_failures(aws: Aws, group: str) -> frozenset[str]:
    """The launches of a group that have failed until now."""
    return frozenset(activity["ActivityId"] for activity in _failed(aws, group))


def failure_lines(aws: Aws, group: str, now: datetime) -> None:
    """Remembers that the group's trouble was told, for the next update."""
    # The failure itself is about to be told; that it may be told twice is no reason to hide it.
    with contextlib.suppress(BotoCoreError, ClientError):
        server_groups.tag_group(aws, group, {FAILED: iso(now)})


def _failed(aws: Aws, group: str) -> list[ActivityTypeDef]:
    found = aws.autoscaling.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=100)
    return [
        activity
        for activity in found["Activities"]
        if activity["StatusCode"] in {"Failed", "Cancelled"} and not activity["Description"].startswith("Terminating")
    ]


def console(aws: Aws, instances: Iterable[str]) -> str:
    """The end of the console of the first of `instances` that wrote anything; empty if none did.

    Before it stands which secrets the server could not read.
    """
    for instance in list(instances)[:CONSOLES]:
        text = _output(aws, instance)
        if text.strip():
            plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e]", "", line) for line in text.splitlines()]
            last = [line[:LONGEST_LINE] for line in plain if line.strip()][-CONSOLE_LINES:]
            tail = "\n".join(f"  {line}" for line in last)
            return f"{_secrets(plain)}The console of {instance} ends with:\n{tail}"
    return ""


def _secrets(lines: Iterable[str]) -> str:
    """Why the application was not started: which of its secrets can't be read, and the reason."""
    failed = dict.fromkeys(found[1][:LONGEST_LINE] for line in lines if (found := SECRETS_FAILED.search(line)))
    return "".join(f"{SECRETS}{line}\n" for line in list(failed)[:CONSOLE_LINES])


def _output(aws: Aws, instance: str) -> str:
    """Console output; the latest where the machine can tell it (Nitro only, GetConsoleOutput)."""
    try:
        return aws.ec2.get_console_output(InstanceId=instance, Latest=True).get("Output", "")
    except ClientError:
        try:
            return aws.ec2.get_console_output(InstanceId=instance).get("Output", "")
        except ClientError:
            # It only helps to explain a failure that is being told.
            return ""
