"""CloudWatch alarms: which ring, and which of them have a say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import timing
from core.aws import Aws
from core.balancer_metrics import dimension
from core.errors import StepError
from steps.runtime.command import Context
from steps.runtime.polling import Pending, poll

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

# DescribeAlarms takes at most this many names (CloudWatch API reference).
NAMES_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """`in_alarm`: in ALARM; INSUFFICIENT_DATA is neither good nor bad. `about`: the target groups it measures."""

    name: str
    in_alarm: bool
    about: frozenset[str] = frozenset()


def read_alarms(aws: Aws, names: Sequence[str]) -> tuple[Alarm, ...]:
    """The alarms of these names, metric and composite. Raises StepError when one does not exist."""
    found: dict[str, Alarm] = {}
    for start in range(0, len(names), NAMES_AT_ONCE):
        answer = aws.cloudwatch.describe_alarms(
            AlarmNames=list(names[start : start + NAMES_AT_ONCE]), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for metric in answer.get("MetricAlarms", []):
            name = metric["AlarmName"]
            found[name] = Alarm(name=name, in_alarm=metric["StateValue"] == "ALARM", about=_target_groups(metric))
        for composite in answer.get("CompositeAlarms", []):
            name = composite["AlarmName"]
            found[name] = Alarm(name=name, in_alarm=composite["StateValue"] == "ALARM")
    missing = [name for name in names if name not in found]
    if missing:
        raise StepError(
            "PHX-705",
            f"there is no CloudWatch alarm named {', '.join(missing)}",
            why="an alarm that is not there can't watch over the traffic",
            do="correct `alarms` in the stack's configuration, then run `pulumi up` again",
        )
    return tuple(found[name] for name in names)


def _target_groups(alarm: MetricAlarmTypeDef) -> frozenset[str]:
    """What an alarm measures, directly or by an expression over metrics."""
    dimensions = list(alarm.get("Dimensions", []))
    for query in alarm.get("Metrics", []):
        dimensions += query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", [])
    return frozenset(one["Value"] for one in dimensions if one["Name"] == "TargetGroup")


def own_alarms(found: Iterable[Alarm], target_group: str) -> list[str]:
    """Those ringing about this very target group."""
    return [alarm.name for alarm in found if alarm.in_alarm and dimension(target_group) in alarm.about]


def other_alarms(found: Iterable[Alarm], target_group: str) -> list[str]:
    """Those ringing about anything else."""
    return [alarm.name for alarm in found if alarm.in_alarm and dimension(target_group) not in alarm.about]


def at_start(context: Context, names: Sequence[str], *, ours: str, cautious: bool) -> list[str]:
    """Looks before anything moves. Returns the alarms that ring about others and must be quiet before they count.

    One about our own servers may be left from their launch; it gets some time. One about others forbids a careful
    move (it would say nothing about us), but not a quick one: that may be the way out of what it rings for.
    Raises StepError when an alarm forbids.
    """

    def check() -> Pending | list[str]:
        found = read_alarms(context.aws, names)
        mine, elsewhere = own_alarms(found, ours), other_alarms(found, ours)
        if elsewhere and cautious:
            raise StepError(
                "PHX-706",
                f"in ALARM before any traffic moved: {', '.join(elsewhere)}",
                why="canary steps can't be judged by an alarm that rings already",
                do="wait until it is OK; or set canarySteps to [] to move at once, or take it out of `alarms`",
            )
        if not mine:
            return elsewhere
        error = StepError(
            "PHX-707",
            f"in ALARM about the new servers before they got any traffic: {', '.join(mine)}",
            do="see what it measures; `pulumi up` tries again",
        )
        return Pending(text=f"waiting for {', '.join(mine)} to be quiet", error=error)

    elsewhere = poll(context.progress.bounded(timing.ALARM_CLEARS_SECONDS), check)
    if elsewhere:
        context.progress.line(f"in ALARM already, and not counted until quiet: {', '.join(elsewhere)}")
    return elsewhere
