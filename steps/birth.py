"""Whether a group is born: what its servers, its failed launches and its first answers say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from steps import fleet
from steps.fleet import Target

GOOD_ROUNDS = 3
BAD_ROUNDS = 20
# One server may be lost to a machine that broke; a second one was no accident.
FEWEST_LOST = 2
# Of the time limit: how long trouble that may pass (no capacity, a quota, a young instance profile) may last.
PATIENCE = 0.5


class Trouble(Enum):
    """Whether a failed launch can heal by itself."""

    HOPELESS = "hopeless"
    PASSING = "passing"


@dataclass(frozen=True, kw_only=True)
class Cause:
    trouble: Trouble
    do: str


# What StatusMessage of a scaling activity says (EC2 Auto Scaling user guide, "Troubleshoot issues"); the first that
# fits counts.
CAUSES: tuple[tuple[str, Trouble, str], ...] = (
    (
        r"sufficient .*capacity|InsufficientInstanceCapacity|no Spot capacity",
        Trouble.PASSING,
        "AWS has no such machine free: pulumi config set instanceType OTHER, or more Availability Zones, or try later",
    ),
    (
        r"vCPU|InstanceLimitExceeded|instance limit|quota|Max spot instance count|already running|VolumeLimitExceeded",
        Trouble.PASSING,
        "ask for a higher limit in Service Quotas (Amazon EC2), or end what is not needed; "
        "two groups live at once during a flip",
    ),
    (
        r"iamInstanceProfile|IAM Instance Profile",
        Trouble.PASSING,
        "check the role of the servers: IAM shows a new one to EC2 within seconds, so this one is wrong",
    ),
    (
        r"requested Availability Zone|Availability Zone is no longer supported",
        Trouble.PASSING,
        "pulumi config set instanceType OTHER, or subnets in other Availability Zones",
    ),
    (
        r"architecture",
        Trouble.HOPELESS,
        "the image and the instance type are of different architectures: pulumi config set instanceType OTHER",
    ),
    (
        r"key pair|InvalidKeyPair",
        Trouble.HOPELESS,
        "the launch template names a key pair that is not there; servers of Phoenix need none",
    ),
    (
        r"Client\.InternalError|Client error on launch|KMS",
        Trouble.HOPELESS,
        "let the role AWSServiceRoleForAutoScaling use the key that the image's snapshots are encrypted with",
    ),
    (
        r"\bAMI\b|image id|ami-[0-9a-f]+|InvalidAMIID",
        Trouble.HOPELESS,
        "the image is gone or not ours to use: run `pulumi up` again after the image is baked anew, "
        "or pulumi config set image FINGERPRINT of one that exists",
    ),
    (
        r"not authorized|UnauthorizedOperation|AccessDenied|Access denied",
        Trouble.HOPELESS,
        "give the group's role AWSServiceRoleForAutoScaling, or whoever deploys, what AWS names above",
    ),
    (
        r"does not exist|not supported|does not match|[Ii]nvalid|[Ll]aunch template|for parameter",
        Trouble.HOPELESS,
        "the launch template asks for what AWS can't give: change the setting that AWS names above",
    ),
)
UNKNOWN = Cause(trouble=Trouble.PASSING, do="see the group's Activity tab in the EC2 console")

# Reasons of an unhealthy target (TargetHealth in the ELB API reference), and where to look.
REASONS = {
    "Target.FailedHealthChecks": "nothing listens on the port, or it does not speak HTTP",
    "Target.Timeout": "the health path did not answer in time: a security group, or an application that is slow",
    "Target.ResponseCodeMismatch": "the application answers the health path with the wrong status",
    "Target.NotInUse": "no rule names the target group, or its zone is not one of the load balancer's",
    "Target.NotRegistered": "the group has not registered its server yet",
    "Elb.InitialHealthChecking": "the first health checks are not done: raise verifyTimeoutSeconds if boots take long",
    "Elb.RegistrationInProgress": "the load balancer is still taking it in",
    "Elb.InternalError": "the load balancer itself failed to check: try again",
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """A group at one moment.

    `launched`: servers there are, healthy or not. `failures`: why launches failed, newest first. `replaced`: servers
    that came and went; `lost`: those that were healthy and are not any more; `sick`: those last seen unhealthy,
    perhaps gone by now. `good` and `bad`: rounds of the smoke
    test in a row; `smoke`: why the last was bad.
    """

    elapsed: float
    limit: float
    needed: int
    launched: int
    targets: tuple[Target, ...]
    failures: tuple[str, ...] = ()
    replaced: int = 0
    lost: int = 0
    sick: tuple[Target, ...] = ()
    good: int = 0
    bad: int = 0
    smoke: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`born`, or failed for a reason, or (neither) wait on."""

    born: bool = False
    failure: str = ""
    do: str = ""


def classify(message: str) -> Cause:
    """What a failed launch means."""
    for pattern, trouble, do in CAUSES:
        if re.search(pattern, message):
            return Cause(trouble=trouble, do=do)
    return UNKNOWN


UNREACHED = (
    "let this machine reach the load balancer: `allowedCidrs` must have its address, "
    "and an internal load balancer answers only inside its network"
)


def _smoke_advice(look: Look, otherwise: str) -> str:
    return UNREACHED if "did not answer" in look.smoke else otherwise


def verdict(look: Look) -> Verdict:
    """Whether to go on, and if not, why."""
    ready = fleet.healthy(look.targets) >= look.needed
    if look.lost >= max(look.needed, FEWEST_LOST):
        return Verdict(
            failure=f"the servers die after they have answered: {look.lost} were healthy and are not any more\n"
            + reasons(look.sick or look.targets),
            do="repair what ends the application (the console tells how it went)",
        )
    if ready and look.good >= GOOD_ROUNDS:
        return Verdict(born=True)
    if ready and look.bad >= BAD_ROUNDS:
        return Verdict(
            failure=f"the servers are healthy, but the smoke test failed {look.bad} times in a row: {look.smoke}",
            do=_smoke_advice(look, "see why the application answers so (smokePath is asked through the preview rule)"),
        )
    if not ready:
        failed = _launches(look)
        if failed:
            return failed
        # Each may fail once; beyond that a boot that fails is the rule.
        if look.replaced > look.needed:
            if look.failures:
                return _unlaunched(f"{look.replaced} servers ended before they ran", look.failures[0])
            return Verdict(
                failure=f"the servers die as fast as they are born: {look.replaced} were replaced\n"
                + reasons(look.sick or look.targets),
                do="repair the image or its start (the console tells how far it came), or raise bootSeconds if boots "
                "take longer than that",
            )
    if look.elapsed >= look.limit:
        return _late(look, ready=ready)
    return Verdict()


def _launches(look: Look) -> Verdict | None:
    if look.launched >= look.needed:
        return None  # A later try did it, perhaps in another zone.
    causes = [(message, classify(message)) for message in look.failures]
    for message, cause in causes:
        if cause.trouble is Trouble.HOPELESS:
            return _unlaunched("a server can't be launched", message)
    if causes and look.elapsed >= PATIENCE * look.limit:
        return _unlaunched(f"servers could not be launched for {look.elapsed:.0f} s", causes[0][0])
    return None


def _unlaunched(what: str, message: str) -> Verdict:
    return Verdict(failure=f"{what}: {message}", do=classify(message).do)


def _late(look: Look, *, ready: bool) -> Verdict:
    if ready:
        return Verdict(
            failure=f"the servers are healthy, but the smoke test did not pass within {look.limit:.0f} s"
            + (f": {look.smoke}" if look.smoke else ""),
            do=_smoke_advice(look, "see why the application answers so, or raise verifyTimeoutSeconds"),
        )
    have = fleet.healthy(look.targets)
    return Verdict(
        failure=f"{have} of {look.needed} servers were healthy after {look.limit:.0f} s\n{reasons(look.targets)}",
        do="repair what the reasons name, or raise verifyTimeoutSeconds if boots take that long",
    )


def reasons(targets: Iterable[Target]) -> str:
    """Why each server that is not healthy is not, a line each."""
    lines = []
    for target in targets:
        if target.state != "healthy":
            hint = REASONS.get(target.reason, "")
            said = f": {target.description}" if target.description else ""
            lines.append(f"{target}{said}" + (f" - {hint}" if hint else ""))
    return "\n".join(lines) or "no server was registered with the load balancer"
