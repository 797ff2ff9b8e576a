"""Moves production traffic, watched; and puts it back, whatever stops it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from core import listener_rules, names, shift_schedule, timing
from core.errors import StepError
from core.hooks import AFTER_PROMOTE, BEFORE_SHIFT, ON_ROLLBACK, at_share
from core.release_events import REFUSED, ROLLED_BACK, SHIFTED
from core.shift_schedule import ShiftSchedule, Weights
from steps.hooks.asking import Hooks
from steps.promote import alarms, approval, pause, verdict
from steps.promote.capacity import Capacity, wait_healthy
from steps.promote.growth import grow
from steps.promote.hand_over import HandOver
from steps.promote.observe import Observer, PromotionTarget
from steps.promote.rollback import Rollback
from steps.promote.way_back_guard import Guards
from steps.runtime.command import Context
from steps.runtime.polling import Pending, poll
from steps.verify import probe

PROVE_ROUNDS = 3
# What was just set may be read as it was before for a moment.
LAG_LOOKS, LAG_SECONDS = 5, 1.0


@dataclass(frozen=True, kw_only=True)
class ShiftTimes:
    """Seconds: watched after each canary step; every answer ours after the last; watched then; left to drain.

    `replaced_in`: how many a server's replacement may take, from its failure to the new one's health. `doubt`: how long
    each watch may go on when it is not sure. At each share of `approve_at` (percent) somebody has `approval_minutes` to
    let it go on.
    """

    canary_pause: int
    settle: int
    soak: int
    drain: int
    replaced_in: int
    doubt: float = pause.DOUBT_SECONDS
    approve_at: tuple[int, ...] = ()
    approval_minutes: int = 60


class TrafficShift:
    """One move of traffic along `way`: `run()` ends with its last weights, or raises with those of before.

    `moves`: the weights that were set, and when. `figures`: what the last look saw since the traffic began to move, and
    how often more traffic moved `blind`: before CloudWatch had shown a whole minute at the weights of then.
    """

    def __init__(
        self,
        way: ShiftSchedule,
        *,
        subject: PromotionTarget,
        times: ShiftTimes,
        capacity: Capacity,
        context: Context,
        cautious: bool,
        hooks: Hooks,
        rescue: bool = False,
        guards: Guards | None = None,
        hand_over: HandOver | None = None,
    ) -> None:
        self.hand_over = hand_over or HandOver()
        self.guards = guards or Guards()
        self.way, self.subject, self.times = way, subject, times
        self.capacity, self.context, self.cautious = capacity, context, cautious
        self.hooks, self.rescue = hooks, rescue
        self.rollback = Rollback(way, subject=subject, context=context)
        self.moves: list[tuple[datetime, Weights]] = []
        self.figures: dict[str, int] = {}

    def run(self) -> None:
        """Raises StepError once traffic is back, when the new group does not do well or the step was stopped."""
        interrupts = self.context.interrupts
        try:
            try:
                self._forward()
            finally:
                interrupts.block()
        except BaseException as error:
            # A signal in the moment before hold() ends here too, and there is never a second one.
            story = self.rollback.put_back()
            story = "\n".join(filter(None, [story, self._hand_back()]))
            self.guards.give_up(self.context, self.subject.rule)
            self.capacity.release(self.context)
            failure = self.rollback.failure(error, story)
            self._tell_failure(f"{failure.title}\n{failure.why}")
            raise failure from error
        has_all = self.way.last.get(self.subject.ours) == 100
        self.capacity.release(self.context, keeps_other=self.guards.order is not None, has_all=has_all)
        self.rollback.clear_rollback_point()

    def _hand_back(self) -> str:
        """What became of the live target's work. Where it could not be given back, the next update finds a note."""
        if not listener_rules.equal_shares(self.rollback.now, self.way.before):
            return ""
        told = self.hand_over.give_back(self.context, self.way.before, self.subject.ours)
        if self.hand_over.given:
            with contextlib.suppress(ClientError, BotoCoreError):  # what is told already says what to do
                self.rollback.write_rollback_point(self.capacity.other_minimum)
        return told

    def _notify(self, kind: str, *, reason: str = "") -> None:
        """Tells AWS of what production has from now on."""
        event = self.subject.release.event(
            kind, at=self.context.clock.utc(), production=self._production(), reason=reason
        )
        self.context.notify(event)

    def _tell_failure(self, reason: str) -> None:
        if not self.rollback.changed:
            self._notify(REFUSED, reason=reason)
            return
        self._notify(ROLLED_BACK, reason=reason)
        self.hooks.tell(ON_ROLLBACK, production=self._production(), reason=reason)

    def _production(self) -> dict[str, int]:
        """The percentages by color, as far as is known."""
        return shift_schedule.named_weights(self.rollback.now, self.subject.names)

    def _ask(self, name: str, observer: Observer | None = None) -> None:
        """Asks a hook whether production may go on to our group, or stay there, and goes on looking."""
        if self.subject.ours in self.way.gaining() or not self.way.steps:
            self.hooks.ask(
                name,
                production=self._production(),
                look=lambda: self._look(observer) if observer else None,
            )

    def _forward(self) -> None:
        way, subject = self.way, self.subject
        moves = bool(way.steps) or self.rollback.resumed
        self.rollback.record_health()
        if moves:
            self._ask(BEFORE_SHIFT)
        gaining = way.gaining()
        ours, other = self.capacity.needed(
            ours_gains=subject.ours in gaining,
            other_gains=way.other is not None and way.other in gaining,
            share=self._first_share(),
        )
        if moves:
            self.capacity.hold(self.context, ours=ours, other=other)
        wait_healthy(self.context, subject.ours, ours, subject.names[subject.ours], group=self.capacity.ours)
        wait_for_answers(subject, self.context)
        if way.other and way.other in gaining:
            name = subject.names[way.other]
            wait_healthy(self.context, way.other, max(1, other), name, group=self.capacity.other)
        if moves:
            self._move(ours)
        else:
            self.guards.begin(self.context, subject.rule, subject.generation, moves=False)

    def _first_share(self) -> int:
        """What ours needs servers for before anything moves: what it has after a promotion that was killed, or gets."""
        ours = self.subject.ours
        return self.way.observed.get(ours, 0) or (self.way.steps or (self.way.observed,))[0].get(ours, 0)

    def _grow(self, observer: Observer, share: int) -> None:
        """Brings ours to the size that its next share needs."""
        if not self.capacity.grows or self.subject.ours not in self.way.gaining():
            return
        observer.needed = grow(
            self.context,
            self.capacity,
            share=share,
            target_group=self.subject.ours,
            name=self.subject.names[self.subject.ours],
            look=lambda: self._look(observer),
            replaced_in=self.times.replaced_in,
        )

    def _move(self, needed: int) -> None:
        quiet = self._quiet()
        observer = Observer(
            self.subject,
            self.context,
            other=self.way.other,
            needed=needed,
            quiet=quiet,
            healthy=self.rollback.healthy,
            replaced_in=self.times.replaced_in,
            rescue=self.rescue,
        )
        self.rollback.write_rollback_point(self.capacity.other_minimum)
        self.guards.begin(self.context, self.subject.rule, self.subject.generation, moves=True)
        shares = [weights[self.subject.ours] for weights in self.way.steps]
        for number, share in enumerate(shares[1:]):
            self._shift(number, observer)
            self._watch(observer, self.times.canary_pause, "canary", f"{share} %")
            self._hold(shares[number], observer)
        if shares:
            self._shift(len(shares) - 1, observer)
        subject = self.subject
        share = self.way.last[subject.ours]
        if share == 100:
            moved = self.context.clock.now()
            name = subject.names[subject.ours]
            self.hand_over.take(self.context, subject.generation, name, lambda: self._look(observer))
            self._settle(observer)
            undrained = self.times.drain - (self.context.clock.now() - moved)
            self._watch(observer, self.times.soak, "soak", "it is done", least=undrained)
            self._ask(AFTER_PROMOTE, observer)
            self.guards.arm(self.context, self.subject.rule, self.subject.generation, self.subject.alarms)
        elif share:
            self._watch(observer, self.times.canary_pause, "canary", "it is held")
            self._ask(at_share(share), observer)
            self._ask(AFTER_PROMOTE, observer)

    def _hold(self, share: int, observer: Observer) -> None:
        """Asks the share's hook, then waits for a person, where the settings say so, and goes on looking."""
        self._ask(at_share(share), observer)
        if self.cautious and share in self.times.approve_at:
            approval.wait(
                self.subject,
                self.context,
                share,
                lambda: self._look(observer),
                production=self._production(),
                minutes=self.times.approval_minutes,
            )

    def _quiet(self) -> list[str]:
        """Alarms that ring already and don't count until they have been quiet. Raises StepError when they forbid."""
        return alarms.at_start(
            self.context,
            self.subject.alarms,
            ours=self.subject.ours,
            cautious=self.cautious,
        )

    def _shift(self, number: int, observer: Observer) -> None:
        weights = self.way.steps[number]
        self._grow(observer, weights[self.subject.ours])
        self._check(listener_rules.read_rule(self.context.aws, self.subject.rule).shares())
        step = f"step {number + 1} of {len(self.way.steps)}"
        self.context.progress.line(
            f"production traffic: {shift_schedule.describe_weights(weights, self.subject.names)} ({step})"
        )
        self.rollback.will_set(weights)
        listener_rules.set_weights(self.context.aws, self.subject.rule, weights, sticky=self.subject.sticky)
        observer.since = self.context.clock.utc()
        self.moves.append((observer.since, weights))
        self._notify(SHIFTED)

    def _check(self, found: Weights) -> None:
        """Raises StepError when the rule has other weights than those that were set, and keeps them."""
        for _ in range(LAG_LOOKS):
            if listener_rules.equal_shares(found, self.rollback.now):
                return
            self.context.clock.sleep(LAG_SECONDS)
            found = listener_rules.read_rule(self.context.aws, self.subject.rule).shares()
        self.rollback.leave_as_found()
        raise StepError(
            "PHX-715",
            "somebody else changed the weights of the production rule meanwhile",
            why=f"set were {shift_schedule.describe_weights(self.rollback.now, self.subject.names)}; "
            f"found are {shift_schedule.describe_weights(found, self.subject.names)}",
            do="find out who moves traffic of this stack, then run `pulumi up` again",
        )

    def _look(self, observer: Observer) -> verdict.Observation:
        seen = observer.look()
        self._check(seen.weights)
        ours = seen.now.ours
        self.figures = {
            "servers": seen.healthy,
            "looks": self.figures.get("looks", 0) + 1,
            "requests": ours.requests,
            "errors": ours.errors,
            "unconnected": seen.now.connections.errors,
            "minutes": len(seen.now.minutes),
            "blind": self.figures.get("blind", 0),
        }
        reason = verdict.reason_to_go_back(seen)
        if reason:
            raise StepError(
                "PHX-711",
                "it failed its checks under production traffic",
                why=reason,
                do="repair it; `pulumi up` tries again",
            )
        return seen

    def _watch(self, observer: Observer, asked: int, what: str, then: str, *, least: float = 0) -> None:
        """Looks again and again for the seconds that were `asked` for, or `least`. `then`: what comes next."""
        told = shift_schedule.describe_weights(self.rollback.now, self.subject.names)
        seen = pause.pause(
            observer,
            lambda: self._look(observer),
            context=self.context,
            seconds=max(asked, least),
            metrics=self.cautious and asked > 0,
            doubt=self.times.doubt,
            what=f"{what}: {told}",
            then=then,
        )
        if not seen.minutes:
            self.figures["blind"] += 1
            why = "there are no canary steps" if not self.cautious else "the settings ask for no pause"
            self.context.progress.line(
                f"moved on blind at {told}: CloudWatch has shown no whole minute at these weights, and {why}"
            )

    def _settle(self, observer: Observer) -> None:
        """Waits until every address has answered with the new generation only, for as long as asked for."""
        since: float | None = None

        def check() -> Pending | None:
            nonlocal since
            self._look(observer)
            answers = probe.probe(self.subject.door, self.subject.path)
            wrong = probe.probe_error(answers, self.subject.generation)
            now = self.context.clock.now()
            since = None if wrong else now if since is None else since
            if since is not None and now - since >= self.times.settle:
                return None
            error = StepError(
                "PHX-714",
                "not every address of the load balancer follows the new weights",
                why=wrong or "answers of the old generation came again and again",
                do="run `pulumi up` again; it goes on from what is there",
            )
            steady = "every address answers as the new generation" if since is not None else wrong
            return Pending(text=f"settling: {steady}; then soak", error=error, hurry=True)

        poll(self.context.progress.bounded(self.times.settle + timing.FOLLOW_SECONDS), check)


def wait_for_answers(subject: PromotionTarget, context: Context) -> None:
    """Asks our generation through the preview rule until it answers well. Raises StepError when it does not."""
    good = 0

    def check() -> Pending | tuple[probe.Answer, ...]:
        nonlocal good
        answers = probe.probe(subject.door, subject.path, token=subject.token)
        wrong = probe.probe_error(answers, subject.generation)
        good = 0 if wrong else good + 1
        if good >= PROVE_ROUNDS:
            return answers
        error = StepError(
            "PHX-710", "it does not answer through the preview rule", why=wrong, do="repair it; `pulumi up` tries again"
        )
        return Pending(text=f"asking it through the preview rule: {wrong or 'it answers'}", error=error, hurry=True)

    answers = poll(context.progress.bounded(timing.PROVE_SECONDS), check)
    if not probe.reports_generation(answers):
        context.progress.line(
            f"the application sends no {names.GENERATION_HEADER} header: which generation answers is not checked"
        )
