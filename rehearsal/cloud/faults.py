"""What AWS answers when it does not do as asked: faults for `rehearsal.cloud.calls`, in AWS's own codes and words.

Sources: "Common errors" of the EC2, Elastic Load Balancing, Auto Scaling, CloudWatch, IAM, STS and SSM API references.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from urllib.parse import parse_qs, quote

from rehearsal.cloud.calls import Call, Fault, Refusal, Substitute

STEPS = "phoenix"
"""What the User-Agent of a step's call ends with."""
_JSON = {"ssm"}
# What a call may name: EC2's things by id, also as a filter's value; the balancer's by ARN; others by name.
_ID = re.compile(r"[a-z]+-[0-9a-f]{17}|arn:aws:elasticloadbalancing:.+")
_NAMES = re.compile(r"AutoScalingGroupNames?(?:\.member\.\d+)?|RoleName|InstanceProfileName")


def throttled(*names: str) -> Fault:
    """Calls (service:Operation; none for all of them) come too fast."""

    def refusal(call: Call) -> Refusal:
        if call.service == "ec2":
            return Refusal(status=503, code="RequestLimitExceeded", message="Request limit exceeded.")
        code = "ThrottlingException" if call.service in _JSON else "Throttling"
        return Refusal(status=400, code=code, message="Rate exceeded")

    return _meant(names, refusal)


def broken(*names: str, performed: bool = False) -> Fault:
    """AWS itself fails. With `performed` only after it has done what was asked: the answer is lost."""

    def refusal(call: Call) -> Refusal:
        code = {"ec2": "InternalError", "iam": "ServiceFailure", "ssm": "InternalServerError"}.get(
            call.service, "InternalFailure"
        )
        return Refusal(status=500, code=code, message="An internal error has occurred", performed=performed)

    return _meant(names, refusal)


def expired(*names: str) -> Fault:
    """The session token of the caller has ended."""

    def refusal(call: Call) -> Refusal:
        if call.service == "ec2":
            return Refusal(status=400, code="RequestExpired", message="Request has expired.")
        code = "ExpiredTokenException" if call.service in _JSON else "ExpiredToken"
        return Refusal(status=403, code=code, message="The security token included in the request is expired")

    return _meant(names, refusal)


def unseen(before: Iterable[Call], *, reads: int) -> Fault:
    """What nobody had ever read `before` is just made, and the first `reads` of it find nothing, in each operation.

    Those of the steps and those of everybody else are counted apart: AWS may show a thing to one and not to the next.
    Source: EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests", on eventual consistency.
    """
    known = {name for call in before for name in _named(call)}
    asked: Counter[tuple[str, str, bool]] = Counter()

    def fault(call: Call) -> Substitute | None:
        for name in _named(call):
            key = name, call.operation, call.agent.endswith(STEPS)
            asked[key] += 1
            if name not in known and asked[key] <= reads:
                return Substitute(body=call.body.replace(quote(name, safe=""), quote(_unlike(name), safe="")))
        return None

    return fault


def _named(call: Call) -> list[str]:
    """The things that a reading call asks for, each by its id, ARN or name."""
    if not call.operation.startswith(("Describe", "Get")):
        return []
    return [
        value
        for key, values in parse_qs(call.body).items()
        for value in values
        if _NAMES.fullmatch(key) or _ID.fullmatch(value)
    ]


def _unlike(name: str) -> str:
    """An id of the same form that nothing has."""
    return f"{name[:-4]}0000"


def first(fault: Fault) -> Fault:
    """Only the first call of each operation that the fault would refuse."""
    met: set[str] = set()

    def once(call: Call) -> Refusal | Substitute | None:
        if call.name in met or (refusal := fault(call)) is None:
            return None
        met.add(call.name)
        return refusal

    return once


def of_steps(fault: Fault) -> Fault:
    """Only the calls of the update's steps, not those of the program and of the provider."""
    return lambda call: fault(call) if call.agent.endswith(STEPS) else None


def but_of_steps(fault: Fault) -> Fault:
    """Only the calls of everybody else."""
    return lambda call: None if call.agent.endswith(STEPS) else fault(call)


def counted(fault: Fault, met: Counter[str]) -> Fault:
    """The fault itself; `met` counts the calls that it refused, by service:Operation."""

    def counting(call: Call) -> Refusal | Substitute | None:
        refusal = fault(call)
        if refusal is not None:
            met[call.name] += 1
        return refusal

    return counting


def _meant(names: Collection[str], refusal: Callable[[Call], Refusal]) -> Fault:
    """Refuses calls of these names (none: all of them)."""
    return lambda call: refusal(call) if not names or call.name in names else None
