"""Holds a canary until somebody approves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from core import approvals
from core.approvals import Answer, Request
from core.aws import error_reason
from core.errors import StepError
from core.release_events import AWAITED
from core.times import iso
from steps.promote.observe import PromotionTarget
from steps.runtime.command import Context
from steps.runtime.polling import Pending, poll


def wait(
    subject: PromotionTarget,
    context: Context,
    share: int,
    look: Callable[[], object],
    *,
    production: Mapping[str, int],
    minutes: int,
) -> None:
    """Returns when this share is approved; meanwhile it `look`s, which raises when the group does not do well.
    `production` has the percentages by color.

    Raises StepError when it is rejected, and when nobody has said anything after `minutes`.
    """
    ssm, release = context.aws.ssm, subject.release
    now = context.clock.utc()
    request = Request(color=release.color, generation=release.generation, share=share, since=iso(now))
    approvals.ask(ssm, release.stack, request)
    stack = release.stack.rpartition("/")[2]
    what = f"{release.color} {release.generation} at {share} %"
    do = f"make approve STACK={stack}   (or make reject STACK={stack} REASON='...')"
    context.notify(release.event(AWAITED, at=now, production=production, reason=do))

    def check() -> Pending | Answer:
        look()
        said = approvals.answered(ssm, release.stack, request)
        error = StepError(
            "PHX-719",
            f"nobody approved {what} within {minutes} minutes (approvalTimeoutMinutes)",
            do=f"`pulumi up` tries again; then: {do}",
        )
        return said or Pending(text=f"waiting for somebody to approve {what}: {do}", error=error)

    try:
        said = poll(context.progress.bounded(minutes * 60), check)
    finally:
        _forget(context, release.stack)
    who = f" by {said.by}" if said.by else ""
    if said.decision == approvals.REJECT:
        raise StepError(
            "PHX-720",
            f"{what} was rejected{who}",
            why=said.reason,
            do="what they say; then `pulumi up`",
        )
    context.progress.line(f"{what} is approved{who}")


def _forget(context: Context, stack: str) -> None:
    """What is left is in nobody's way: the next request is another one. It must not stop what puts weights back."""
    try:
        approvals.forget(context.aws.best_effort_ssm, stack)
    except (ClientError, BotoCoreError) as error:
        context.progress.line(f"{approvals.folder(stack)}/request could not be deleted ({error_reason(error)})")
