"""Looks at everything that says how a group does while traffic moves to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import listener_rules, server_groups
from core.release_events import Release
from steps.promote import alarms, compared, metrics, verdict
from steps.promote.figures import Metrics
from steps.runtime.command import Context
from steps.verify import probe
from steps.verify.probe import ListenerEndpoint

BEFORE = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class PromotionTarget:
    """What is promoted. `ours`: its target group; `rule`: the production rule; `names`: target groups by color.

    `rollback_point`: the rule carries the note of a promotion that was killed. `shared`: the load balancer is
    others' too. `sticky`: users who keep cookies stay with their group while several share the traffic.
    `slow_milliseconds`: what the slowest answers may take at most; 0: any time. `release`: whom events are about.
    """

    door: ListenerEndpoint
    rule: str
    token: str
    path: str
    generation: str
    region: str
    ours: str
    alarms: Sequence[str]
    rollback_point: bool
    names: Mapping[str, str]
    release: Release
    shared: bool = False
    sticky: bool = False
    slow_milliseconds: int = 0


class Observer:
    """Makes observations, and remembers between them what only their order tells.

    `other`: the target group that shares the traffic, if any. `needed`: servers that ours is to have.
    `quiet`: alarms that rang before anything moved. `healthy` is kept up to date: servers of each target group.
    `replaced_in`: seconds that a server's replacement may take. `rescue`: nobody else was healthy when it began.
    `answered` counts the probes that succeeded; whoever watches resets it. `since`: when the present weights were set.
    """

    def __init__(
        self,
        subject: PromotionTarget,
        context: Context,
        *,
        other: str | None,
        needed: int,
        quiet: Collection[str],
        healthy: dict[str, int],
        replaced_in: float,
        rescue: bool = False,
    ) -> None:
        self.subject, self.context, self.other, self.needed = subject, context, other, needed
        self.healthy, self.replaced_in, self.rescue = healthy, replaced_in, rescue
        self.answered = 0
        self._enough: float | None = None
        self._failed = 0
        self._quiet = set(quiet)
        self._began = self.since = context.clock.utc()
        self._slow_seconds = self._usual_slowness()
        self._before = self._metrics(self._began - BEFORE, self._began)

    def look(self) -> verdict.Observation:
        """Everything as it is now. Raises StepError when an alarm was deleted meanwhile."""
        aws, ours = self.context.aws, self.subject.ours
        for arn in (ours, self.other):
            if arn:
                self.healthy[arn] = server_groups.healthy(server_groups.read_targets(aws, arn))
        why = self._probe()
        now = self._metrics(self._began, self.context.clock.utc())
        weights = listener_rules.read_rule(aws, self.subject.rule).shares()
        return verdict.Observation(
            weights=weights,
            in_alarm=self._ringing(),
            healthy=self.healthy[ours],
            needed=self.needed,
            failed=self._failed,
            why=why,
            now=now,
            before=self._before,
            minutes=sum(minute >= self.since for minute in now.minutes),
            since=self.since,
            alone=weights.get(ours) == 100,
            slow_seconds=self._slow_seconds,
            short=self._short(),
            replaced_in=self.replaced_in,
            no_healthy_baseline=self.rescue,
        )

    def _short(self) -> float:
        """For how many seconds there have been fewer healthy servers than needed."""
        now = self.context.clock.now()
        if self._enough is None or self.healthy[self.subject.ours] >= self.needed:
            self._enough = now
        return now - self._enough

    def _probe(self) -> str:
        """Asks our generation through the preview rule, whatever the weights are."""
        subject = self.subject
        why = probe.probe_error(probe.probe(subject.door, subject.path, token=subject.token), subject.generation)
        self._failed = self._failed + 1 if why else 0
        self.answered += not why
        return why

    def _ringing(self) -> list[str]:
        """Alarms that ring; one that rang before anything moved counts once it has been quiet."""
        found = [alarm.name for alarm in alarms.read_alarms(self.context.aws, self.subject.alarms) if alarm.in_alarm]
        self._quiet.intersection_update(found)
        return [name for name in found if name not in self._quiet]

    def _usual_slowness(self) -> float:
        """What an answer takes longer than to be slow, by what the others' took before anything moved."""
        subject = self.subject
        if not (self.other and subject.slow_milliseconds):
            return 0.0
        usual = metrics.usual_seconds(
            self.context.aws,
            load_balancer=subject.door.load_balancer,
            target_group=self.other,
            start=self._began - BEFORE,
            end=self._began,
        )
        return compared.slow_after(usual, limit_milliseconds=subject.slow_milliseconds)

    def _metrics(self, start: datetime, end: datetime) -> Metrics:
        return metrics.read_metrics(
            self.context.aws,
            load_balancer=self.subject.door.load_balancer,
            ours=self.subject.ours,
            other=self.other,
            start=start,
            end=end,
            shared=self.subject.shared,
            slow_seconds=self._slow_seconds,
        )
