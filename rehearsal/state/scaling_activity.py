"""A scaling activity of an Auto Scaling group, as DescribeScalingActivities shows it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True)
class Activity:
    group: str
    group_arn: str
    description: str
    cause: str
    status: str
    progress: int
    details: str
    message: str | None = None
    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    end: datetime | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def answer(self) -> dict[str, object]:
        """As DescribeScalingActivities shows it."""
        return {
            "ActivityId": self.id,
            "AutoScalingGroupName": self.group,
            "AutoScalingGroupARN": self.group_arn,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.start,
            "EndTime": self.end,
            "StatusCode": self.status,
            "StatusMessage": self.message,
            "Progress": self.progress,
            "Details": self.details,
        }
