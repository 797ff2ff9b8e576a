"""The rule that joins guardHours and alarms."""

from __future__ import annotations

from core.errors import problem
from plan.config.constraint import BrokenConstraints
from plan.config.settings import Settings

# PutCompositeAlarm takes a rule of 10,240 characters (CloudWatch API reference), and the group's own alarms are in it.
LONGEST_RULE = 10240
OWN_ALARMS = 300


def guard_constraints(s: Settings) -> BrokenConstraints:
    """AWS's guard rings for all alarms in one rule."""
    length = OWN_ALARMS + sum(len(f' OR ALARM("{name}")') for name in s.alarms)
    if s.guard_hours and length > LONGEST_RULE:
        yield (
            ("guardHours", "alarms"),
            problem(
                "PHX-177",
                "guardHours",
                s.guard_hours,
                f"can't watch {len(s.alarms)} alarms with names so long: AWS takes {LONGEST_RULE} characters of rule"
                f" (here {length})",
                "make one composite alarm of yours out of them, and name that; or pulumi config set guardHours 0",
            ),
        )
