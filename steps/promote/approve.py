"""Approves the canary that waits for it, or rejects it: promote then goes on, or puts production back.

By hand only (`make approve`, `make reject`): no update runs it, and nobody who may only deploy may.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass

from core import approvals
from core.errors import StepError
from core.plain_text import one_line
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    reject: bool = option("true rejects it: production goes back", parse=parsers.boolean, default=False)
    reason: str = option("why, for whoever deploys", parse=lambda text: one_line(text)[: approvals.REASON], default="")


def approve(options: Options, context: Context) -> dict[str, object]:
    request = approvals.asked(context.aws.ssm, options.stack)
    if request is None:
        raise StepError(
            "PHX-721",
            f"nothing of {options.stack} waits to be approved",
            do="see the update's log: it says when it waits, and for how long",
        )
    decision = approvals.REJECT if options.reject else approvals.APPROVE
    by = context.aws.sts.get_caller_identity()["Arn"]
    given = approvals.Answer(request=request, decision=decision, by=by, reason=options.reason)
    approvals.answer(context.aws.ssm, options.stack, given)
    context.progress.line(
        f"{request.color} {request.generation} at {request.share} % is {'rejected' if options.reject else 'approved'}"
    )
    return {**asdict(request), "decision": decision}


if __name__ == "__main__":
    sys.exit(command.run_step("approve", __doc__, Options, approve))
