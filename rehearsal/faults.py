"""What AWS answers when it does not do as asked: faults for `rehearsal.calls`, in AWS's own codes and words.

Sources: "Common errors" of the EC2, Elastic Load Balancing, Auto Scaling, CloudWatch, IAM, STS and SSM API references.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from rehearsal.calls import Call, Fault, Refusal

STEPS = "phoenix"
"""What the User-Agent of a step's call ends with."""
_JSON = {"ssm"}


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
            call.service, "InternalFailure")
        return Refusal(
            status=500, code=code, message="An internal error has occurred", performed=performed)

    return _meant(names, refusal)


def expired(*names: str) -> Fault:
    """The session token of the caller has ended."""
    def refusal(call: Call) -> Refusal:
        if call.service == "ec2":
            return Refusal(status=400, code="RequestExpired", message="Request has expired.")
        code = "ExpiredTokenException" if call.service in _JSON else "ExpiredToken"
        return Refusal(status=403, code=code, message="The security token included in the request is expired")

    return _meant(names, refusal)


def unseen(made: str, read: str, *, code: str, reads: int) -> Fault:
    """What a call (`made`) has just made is not found by the next `reads` of another one. `code`: AWS's for that."""
    left = 0

    def fault(call: Call) -> Refusal | None:
        nonlocal left
        if call.name == made:
            left = reads
        elif call.name == read and left:
            left -= 1
            return Refusal(status=400, code=code, message="The one that you asked for does not exist")
        return None

    return fault


def first(fault: Fault) -> Fault:
    """Only the first call of each operation that the fault would refuse."""
    met: set[str] = set()

    def once(call: Call) -> Refusal | None:
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
    def counting(call: Call) -> Refusal | None:
        refusal = fault(call)
        if refusal is not None:
            met[call.name] += 1
        return refusal

    return counting


def _meant(names: Collection[str], refusal: Callable[[Call], Refusal]) -> Fault:
    """Refuses calls of these names (none: all of them)."""
    return lambda call: refusal(call) if not names or call.name in names else None
