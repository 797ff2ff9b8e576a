"""A hook that is an Automation document of Systems Manager: the facts are its parameter, how it ends is the answer.

It waits by running on. Its execution has the stack's tag, so that IAM can bind who may look at it and cancel it.
"""

from __future__ import annotations

import uuid

from botocore.exceptions import BotoCoreError, ClientError

from core.aws import Aws, error_reason
from core.hooks import PARAMETER, Hook
from core.progress import Clock, Progress
from steps.hooks.answer import FAIL, PROCEED, Answer

# Systems Manager API reference, AutomationExecution; all others are on the way.
GOOD = {"Success", "CompletedWithSuccess"}
BAD = {
    "TimedOut",
    "Cancelled",
    "Failed",
    "Rejected",
    "CompletedWithFailure",
    "Exited",
    "ChangeCalendarOverrideRejected",
}


class Execution:
    """One run of the document."""

    def __init__(self, aws: Aws, hook: Hook, facts: str, *, stack: str, progress: Progress) -> None:
        self._aws, self._hook, self._progress = aws, hook, progress
        self._clock: Clock = progress.clock
        self._ended = False
        self._id = aws.ssm.start_automation_execution(
            DocumentName=hook.target,
            Parameters={PARAMETER: [facts]},
            ClientToken=str(uuid.uuid4()),
            Tags=[{"Key": "phoenix:stack", "Value": stack}],
        )["AutomationExecutionId"]
        progress.line(f"the hook {hook.name} is the automation {self._id}")

    def answer(self, within: float) -> Answer | None:
        self._clock.sleep(within)
        try:
            found = self._aws.ssm.get_automation_execution(AutomationExecutionId=self._id)["AutomationExecution"]
        except (ClientError, BotoCoreError) as error:
            return Answer(decision=FAIL, reason=error_reason(error))
        status = found["AutomationExecutionStatus"]
        self._ended = status in GOOD | BAD
        if status in GOOD:
            return Answer(decision=PROCEED)
        if status in BAD:
            why = found.get("FailureMessage", "")
            return Answer(decision=FAIL, reason=f"the automation {self._id} ended as {status}{why and ': ' + why}")
        return None

    def end(self) -> None:
        """Cancels what still runs: its answer is of no use any more."""
        if self._ended:
            return
        self._ended = True
        try:
            self._aws.best_effort_ssm.stop_automation_execution(AutomationExecutionId=self._id, Type="Cancel")
        except (ClientError, BotoCoreError) as error:
            self._progress.line(f"the automation {self._id} could not be cancelled ({error_reason(error)})")
