"""Puts production traffic back, and keeps what is needed to do so."""

from __future__ import annotations

import traceback

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, listener_rules, server_groups, shift_schedule
from core.errors import StepError, coded
from core.progress import Backoff, write
from core.session import CredentialsEndedError
from core.shift_schedule import RollbackPoint, ShiftSchedule, Weights
from steps.promote.observe import PromotionTarget
from steps.runtime.command import Context
from steps.runtime.signals import Interrupted

NOTE = "phoenix:before"
LONGEST_SECONDS = 300.0
# A change that AWS has made may be read as it was before for a moment.
LAG_SECONDS = 2.0
# Waiting does not bring these back, nor the credentials of a process that has only what it was started with.
GONE = {"RuleNotFound", "TargetGroupNotFound", "ListenerNotFound", *aws.EXPIRED}


class PromotionError(StepError):
    """What stopped a promotion that had begun; whoever is told of releases has been told of it."""


class Rollback:
    """`now`: the weights that hold, as far as is known. `healthy`: servers of each target group when last seen."""

    def __init__(self, way: ShiftSchedule, *, subject: PromotionTarget, context: Context) -> None:
        self.way, self.subject, self.context = way, subject, context
        self.now: Weights = way.observed
        self.healthy: dict[str, int] = {}
        # A promotion that was killed left its note, and perhaps weights that are no state to stay in.
        self.resumed = subject.rollback_point
        self._changed = not listener_rules.equal_shares(way.observed, way.before)
        self._externally_modified = False

    @property
    def changed(self) -> bool:
        """Whether production was touched."""
        return self._changed

    def will_set(self, weights: Weights) -> None:
        """Takes note of weights before they are set: a signal may come when AWS has done it and we don't know yet."""
        self.now, self._changed = weights, True

    def leave_as_found(self) -> None:
        """Puts nothing back: the weights were changed externally."""
        self._externally_modified = True

    def write_rollback_point(self, other_minimum: int | None) -> None:
        """Writes down what to go back to, where the next promotion finds it if this one is killed."""
        to = shift_schedule.short_name(self.subject.ours)
        text = RollbackPoint(to=to, weights=self.way.before, minimum=other_minimum).text()
        self.context.aws.elbv2.add_tags(ResourceArns=[self.subject.rule], Tags=[{"Key": NOTE, "Value": text}])
        self.resumed = True

    def clear_rollback_point(self) -> None:
        """Takes the note away: nothing is under way any more."""
        if not self.resumed:
            return
        try:
            self.context.aws.elbv2.remove_tags(ResourceArns=[self.subject.rule], TagKeys=[NOTE])
        except (ClientError, BotoCoreError) as error:
            self.context.progress.line(
                f"the tag {NOTE} of the production rule could not be removed ({aws.error_reason(error)}). By hand: "
                f"aws elbv2 remove-tags --region {self.subject.region} --resource-arns {self.subject.rule} "
                f"--tag-keys {NOTE}"
            )

    def record_health(self) -> None:
        """Looks at every group that traffic may go back to, or stay at."""
        for arn in {*self.way.before, *self.way.observed}:
            self.healthy[arn] = server_groups.healthy(server_groups.read_targets(self.context.aws, arn))

    def put_back(self) -> str:
        """Puts the weights of before back, if they are to be. Returns what became of them, for the reader."""
        stays = self._stays()
        if not stays:
            return self._put_back()
        self.clear_rollback_point()
        return stays

    def _stays(self) -> str:
        before = self.way.before
        if self._externally_modified:
            return "production traffic is left as it was found"
        if not self._changed:
            return f"production was not touched: {self._told(before)}"
        if not shift_schedule.may_go_back(before=before, now=self.now, healthy=self.healthy):
            return coded(
                "PHX-718",
                f"production stays at {self._told(self.now)}: where it would go back to, no server is healthy. "
                f"When one is: {self._command()}",
            )
        return ""

    def _put_back(self) -> str:
        before = self.way.before
        until = self.context.progress.bounded(LONGEST_SECONDS)
        pace = Backoff(self.context.clock)
        while True:
            try:
                listener_rules.set_weights(self.context.aws, self.subject.rule, before, sticky=self.subject.sticky)
            except (ClientError, BotoCoreError) as error:
                if self._unmoved():
                    self.now = before
                    self.clear_rollback_point()
                    return f"production traffic is as it was: {self._told(before)}"
                if _is_permanent(error) or not until.left():
                    return coded(
                        "PHX-717", f"THE WEIGHTS ARE NOT BACK ({aws.error_reason(error)}). Type:\n{self._command()}"
                    )
                pace.wait(
                    until,
                    f"THE WEIGHTS ARE NOT BACK YET ({aws.error_reason(error)}); trying again."
                    f" By hand: {self._command()}",
                )
                continue
            self.now = before
            self.context.progress.line(f"production traffic is back: {self._told(before)}")
            self.clear_rollback_point()
            return f"production traffic is back: {self._told(before)}"

    def _unmoved(self) -> bool:
        """Whether the weights never left: the first move of all may be what AWS refused."""
        self.context.clock.sleep(LAG_SECONDS)
        try:
            found = listener_rules.read_rule(self.context.aws, self.subject.rule).shares()
        except (ClientError, BotoCoreError, StepError):
            return False
        return listener_rules.equal_shares(found, self.way.before)

    def failure(self, error: BaseException, story: str) -> PromotionError:
        """What stopped the promotion, and what became of the traffic."""
        who = f"{self.subject.names[self.subject.ours]} {self.subject.generation}"
        if isinstance(error, Interrupted):
            return PromotionError(
                "PHX-702", f"the promotion of {who} was stopped", why=f"{error}\n{story}", do="`pulumi up` tries again"
            )
        if isinstance(error, (ClientError, BotoCoreError)):
            error = aws.explain_error(error)
        if not isinstance(error, StepError):
            write("".join(traceback.format_exception(error)))
            error = StepError(
                "PHX-716", "this step has a fault", why=repr(error), do="tell who maintains it; the trace is above"
            )
        why = "\n".join(part for part in (error.title, error.why, story) if part)
        return PromotionError("PHX-701", f"{who} was not promoted", why=why, do=error.do)

    def _told(self, weights: Weights) -> str:
        return shift_schedule.describe_weights(weights, self.subject.names)

    def _command(self) -> str:
        subject = self.subject
        return shift_schedule.modify_rule_command(subject.region, subject.rule, self.way.before, sticky=subject.sticky)


def _is_permanent(error: ClientError | BotoCoreError) -> bool:
    """Whether trying again is no use. Credentials that somebody renews elsewhere are taken at the next try."""
    if isinstance(error, ClientError):
        return aws.error_code(error) in GONE
    return isinstance(error, CredentialsEndedError) and error.final
