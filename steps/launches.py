"""What AWS tells of servers that could not be launched or did not live."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from steps.aws import Aws
from steps.fleet import Group

# A group older than this may be one that was repaired (a permission given, a quota raised) since its launches failed.
YOUNG_SECONDS = 60.0
CONSOLE_LINES, LONGEST_LINE = 20, 500
# Looking at more servers than this for one that wrote something takes longer than it helps.
CONSOLES = 3


def failures(aws: Aws, group: str, *, but: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Why launches failed, newest first, without the activities named in `but`."""
    found = aws.autoscaling.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=100)
    return tuple(
        activity.get("StatusMessage") or activity["Description"]
        for activity in found["Activities"]
        if activity["StatusCode"] in {"Failed", "Cancelled"}
        and activity["ActivityId"] not in but
        and not activity["Description"].startswith("Terminating")
    )


def stale(aws: Aws, group: Group, now: datetime) -> frozenset[str]:
    """The activities of an older group so far: their trouble may be over, so only new ones count."""
    if (now - group.created.astimezone(UTC)).total_seconds() < YOUNG_SECONDS:
        return frozenset()
    found = aws.autoscaling.describe_scaling_activities(AutoScalingGroupName=group.name, MaxRecords=100)
    return frozenset(activity["ActivityId"] for activity in found["Activities"])


def console(aws: Aws, instances: Iterable[str]) -> str:
    """The end of the console of the first of `instances` that wrote anything; empty if none did."""
    for instance in list(instances)[:CONSOLES]:
        text = _output(aws, instance)
        if text.strip():
            plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e]", "", line) for line in text.splitlines()]
            last = [line[:LONGEST_LINE] for line in plain if line.strip()][-CONSOLE_LINES:]
            tail = "\n".join(f"  {line}" for line in last)
            return f"The console of {instance} ends with:\n{tail}"
    return ""


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
