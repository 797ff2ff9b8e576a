"""Arms AWS's guard once a promotion is over, and ends one before traffic moves again.

What it consists of is declared by the program (`components.traffic_guard`), and does nothing before. The engine ignores
what is set here: the schedules' time and state, and the rule's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from core.aws import error_reason
from core.guard import GRACE, GUARD, WAY_BACK, Guard, WayBack
from core.tags import UNKNOWN, ignore_not_found
from core.times import iso
from steps.promote.alarms import read_alarms
from steps.runtime.command import Context

# What a schedule is called with again when only its time and state change: UpdateSchedule replaces all of it.
KEPT = (
    "Name",
    "GroupName",
    "Description",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "Target",
    "ActionAfterCompletion",
)


@dataclass(frozen=True, kw_only=True)
class GuardOrder:
    """What promote arms when it is over: for so many `hours`, the `rule` of EventBridge and both `schedules`."""

    hours: int
    rule: str
    schedules: tuple[str, str]

    def guard(self, generation: str, now: datetime) -> Guard:
        """The guard that begins now."""
        until = (now + timedelta(hours=self.hours)).replace(microsecond=0)
        return Guard(generation=generation, until=until, rule=self.rule, schedules=self.schedules)


class Guards:
    """The guard of one promotion: `order`, if it is to have one, and the `earlier` one that is on the rule.

    `back`: AWS's note of a way back, which is over when traffic moves on.
    """

    def __init__(
        self, order: GuardOrder | None = None, earlier: Guard | None = None, back: WayBack | None = None
    ) -> None:
        self.order, self.earlier, self._back = order, earlier, back
        self._begun: Guard | None = None

    def begin(self, context: Context, rule: str, generation: str, *, moves: bool) -> None:
        """Before traffic moves no earlier guard may move it back, nor take servers away. `moves`: it will."""
        if self.earlier and (moves or self.earlier.generation != generation):
            end(context, rule, self.earlier)
            self.earlier = None
        if self._back and moves:
            context.aws.elbv2.remove_tags(ResourceArns=[rule], TagKeys=[WAY_BACK])

    def arm(self, context: Context, rule: str, generation: str, alarms: Sequence[str]) -> None:
        """Once production has moved. Raises what AWS says."""
        if not self.order:
            return
        self._begun = self.order.guard(generation, context.clock.utc())
        arm(context, rule, self._begun)
        if ringing := [alarm.name for alarm in read_alarms(context.aws, alarms) if alarm.in_alarm]:
            context.progress.line(
                f"in ALARM already: {', '.join(ringing)}. AWS hears of no other alarm until all are OK once"
            )

    def give_up(self, context: Context, rule: str) -> None:
        """After a way back: what was armed must not take away the servers that have production again."""
        if self._begun:
            end_quietly(context, rule, self._begun)

    def text(self, generation: str) -> str:
        """The note of the guard that is on now; empty when there is none."""
        on = self._begun or self.earlier
        return on.text() if on and on.generation == generation else ""


def arm(context: Context, rule: str, guard: Guard) -> None:
    """Notes it on the production `rule` (ARN), sets when it ends, and has AWS watch from now on.

    The note is first: killed at any point, whoever moves traffic next knows which schedules must not take servers away.
    What fails is raised: production is not left without the guard that the settings ask for.
    """
    end, servers = guard.schedules
    context.aws.elbv2.add_tags(ResourceArns=[rule], Tags=[{"Key": GUARD, "Value": guard.text()}])
    _set_schedule(context, end, guard.until)
    _set_schedule(context, servers, guard.until + GRACE)
    context.aws.events.enable_rule(Name=guard.rule)
    context.progress.line(f"AWS watches until {iso(guard.until)}, and takes production back when an alarm rings")


def end(context: Context, rule: str, guard: Guard) -> None:
    """AWS watches no more, and takes no servers away. Raises what AWS says, but for what is gone already."""
    _unless_gone(lambda: context.aws.events.disable_rule(Name=guard.rule))
    for name in guard.schedules:
        _unless_gone(lambda name=name: _set_schedule(context, name, None))
    context.aws.elbv2.remove_tags(ResourceArns=[rule], TagKeys=[GUARD])


def end_quietly(context: Context, rule: str, guard: Guard) -> None:
    """The same after a failure, which must not be hidden by another one."""
    try:
        end(context, rule, guard)
    except (ClientError, BotoCoreError) as error:
        context.progress.line(
            f"the guard {guard.rule} could not be ended ({error_reason(error)}). By hand:"
            f" aws events disable-rule --name {guard.rule}; aws scheduler delete-schedule --name {guard.schedules[1]}"
        )


def _set_schedule(context: Context, name: str, at: datetime | None) -> None:
    """Has a schedule call at that time, or never."""
    found: dict[str, Any] = context.aws.scheduler.get_schedule(Name=name)
    when = found["ScheduleExpression"] if at is None else f"at({at:%Y-%m-%dT%H:%M:%S})"
    context.aws.scheduler.update_schedule(
        **{key: found[key] for key in KEPT if found.get(key) is not None},
        ScheduleExpression=when,
        State="DISABLED" if at is None else "ENABLED",
    )


def _unless_gone(act: Any) -> None:
    with ignore_not_found(UNKNOWN):
        act()
