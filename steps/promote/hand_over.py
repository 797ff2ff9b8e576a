"""Hands the work of the live target over with production: the new generation begins when the old one has ended.

Source of what servers do: image/common/live_lease.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, live_target, tags
from core.errors import StepError, coded
from core.live_target import LiveTarget
from core.progress import Backoff
from core.shift_schedule import Weights
from steps.runtime.command import Context
from steps.runtime.polling import Pending, poll

# Beyond the time of a server that is cut off: a few looks, and what it takes to start.
ALLOWANCE_SECONDS = 60.0
BACK_SECONDS = 120.0
# What credentials must last for it, where units stop in their usual time.
HAND_OVER_SECONDS = round(ALLOWANCE_SECONDS) + live_target.longest_gap(30)


@dataclass
class HandOver:
    """The `table` of the stack (empty: no live target). `required`: a group that does not take the work fails."""

    table: str = ""
    required: bool = True
    given: bool = False

    def take(self, context: Context, generation: str, name: str, look: Callable[[], object]) -> None:
        """Says that `generation` has production, and waits until its servers work; goes on looking meanwhile.

        Raises StepError when none of them takes the work in time.
        """
        if not self.table:
            return
        before = live_target.publish(context.aws, self.table, generation, now=context.clock.utc())
        self.given = before.generation != generation
        begun = context.clock.now()
        slowest = max((one.within for one in before.holders.values()), default=0.0) * live_target.CLOCKS_DIFFER

        def check() -> Pending | LiveTarget:
            look()
            seen = live_target.read(context.aws, self.table)
            if seen.generation != generation:
                raise StepError(
                    "PHX-724",
                    "somebody else gave the work of the live target to another generation meanwhile",
                    why=f"the table {self.table} says {seen.generation}",
                    do="find out who moves traffic of this stack, then run `pulumi up` again",
                )
            if seen.at_work() and not seen.others():
                return seen
            error = StepError(
                "PHX-725",
                f"no server of {name} has started phoenix-live.target",
                why=_waiting(seen, name),
                do="look at a server: journalctl -u phoenix-live; then run `pulumi up` again",
            )
            return Pending(text=f"live target: {_waiting(seen, name)}", error=error, hurry=True)

        try:
            seen = poll(context.progress.bounded(slowest + ALLOWANCE_SECONDS), check)
        except StepError as error:
            if error.code != "PHX-725" or self.required:
                raise
            context.progress.line(f"live target: {name} has production, and none of its servers works: {error.why}")
            return
        if self.given:
            gap = context.clock.now() - begun
            context.progress.line(
                f"live target: {name} works, under number {seen.number}; nobody did for {gap:.0f} s at most"
            )

    def give_back(self, context: Context, before: Weights, ours: str) -> str:
        """Once production is back: says so to servers. Returns what became of it; empty when nothing was to do."""
        if not (self.table and self.given):
            return ""
        try:
            generation = self._generation(context, before, ours)
        except (ClientError, BotoCoreError) as error:
            return _not_back(aws.error_reason(error))
        until, pace = context.progress.bounded(BACK_SECONDS), Backoff(context.clock)
        while True:
            try:
                live_target.publish(context.aws, self.table, generation, now=context.clock.utc())
            except (ClientError, BotoCoreError, StepError) as error:
                why = error.title if isinstance(error, StepError) else aws.error_reason(error)
                if not until.left():
                    return _not_back(why)
                pace.wait(until, f"the live target is not back yet ({why}); trying again")
                continue
            self.given = False
            return f"the work of the live target is back with generation {generation}"

    def _generation(self, context: Context, before: Weights, ours: str) -> str:
        """That of the group which has most of production again; empty for servers that somebody else made."""
        arn = max((one for one in before if one != ours), key=lambda one: before[one], default=ours)
        known: Mapping[str, str] = tags.read_tags(context.aws.elbv2, [arn]).get(arn, {})
        return known.get("phoenix:generation", "")


def _waiting(seen: LiveTarget, name: str) -> str:
    if others := seen.others():
        return f"waiting for {', '.join(sorted(others))} to stop or to be out of its time"
    return f"nobody works; waiting for a server of {name} to begin"


def _not_back(why: str) -> str:
    return coded("PHX-726", f"the work of the live target is not back ({why}); the next `pulumi up` brings it there")
