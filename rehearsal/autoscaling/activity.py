"""Scaling activities in AWS's words.

Source: "Verify a scaling activity for an Auto Scaling group" and "Troubleshoot Amazon EC2 Auto Scaling" in the EC2 Auto
Scaling user guide, and answers of DescribeScalingActivities quoted there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from core.times import iso
from rehearsal.state.scaling_activity import Activity

LAUNCHING = "Launching a new EC2 instance"
TERMINATING = "Terminating EC2 instance"


def details(*, subnet: str | None, zone: str | None) -> str:
    return json.dumps({"Subnet ID": subnet, "Availability Zone": zone}, separators=(",", ":"))


def launch(*, group: str, group_arn: str, cause: str, instance_id: str, details: str) -> Activity:
    return Activity(
        group=group,
        group_arn=group_arn,
        description=f"{LAUNCHING}: {instance_id}",
        cause=cause,
        status="PreInService",
        progress=30,
        details=details,
    )


def failed_launch(*, group: str, group_arn: str, cause: str, reason: str, details: str) -> Activity:
    message = f"{reason} Launching EC2 instance failed."
    return Activity(
        group=group,
        group_arn=group_arn,
        description=f"{LAUNCHING}.  Status Reason: {message}",
        cause=cause,
        status="Failed",
        progress=100,
        details=details,
        message=message,
        end=datetime.now(UTC),
    )


def termination(
    *, group: str, group_arn: str, cause: str, instance_id: str, details: str, waits_for_draining: bool
) -> Activity:
    waiting = " - Waiting For ELB Connection Draining." if waits_for_draining else ""
    return Activity(
        group=group,
        group_arn=group_arn,
        description=f"{TERMINATING}: {instance_id}{waiting}",
        cause=cause,
        status="WaitingForELBConnectionDraining" if waits_for_draining else "InProgress",
        progress=50 if waits_for_draining else 0,
        details=details,
    )


def finished(activity: Activity) -> Activity:
    description = activity.description.partition(" - Waiting")[0]
    return replace(activity, description=description, status="Successful", progress=100, end=datetime.now(UTC))


def canceled(activity: Activity, reason: str) -> Activity:
    return replace(activity, status="Cancelled", progress=100, message=reason, end=datetime.now(UTC))


def stamp() -> str:
    """Now, as it is written inside a cause."""
    return iso(datetime.now(UTC))


def started(*, request: str, actual: int, desired: int) -> str:
    """Why an instance was launched; `request` is the sentence that changed the desired capacity, or empty."""
    because = (
        f"At {stamp()} an instance was started in response to a difference between desired and actual capacity, "
        f"increasing the capacity from {actual} to {desired}."
    )
    return f"{request}  {because}" if request else because


REPLACEMENT = "At {at} an instance was launched in response to an unhealthy instance needing to be replaced."


def replacement() -> str:
    return REPLACEMENT.format(at=stamp())


def unhealthy(*, elb: bool) -> str:
    source = (
        "an ELB system health check failure"
        if elb
        else "an EC2 health check that indicated it had been terminated or stopped"
    )
    return f"At {stamp()} an instance was taken out of service in response to {source}."


def user_health() -> str:
    return f"At {stamp()} an instance was taken out of service in response to a user health-check."


def shrunk(*, request: str, actual: int, desired: int, instance_id: str) -> str:
    because = (
        f"At {stamp()} an instance was taken out of service in response to a difference between desired and actual "
        f"capacity, shrinking the capacity from {actual} to {desired}.  "
        f"At {stamp()} instance {instance_id} was selected for termination."
    )
    return f"{request}  {because}" if request else because


def requested(*, instance_id: str, before: int, after: int) -> str:
    shrinking = f", shrinking the capacity from {before} to {after}" if after < before else ""
    return f"At {stamp()} instance {instance_id} was taken out of service in response to a user request{shrinking}."
