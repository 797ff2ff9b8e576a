"""Whether a group is healthy: what its servers, its failed launches and its first answers say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core import obstacles, server_groups
from core.errors import Problem
from core.obstacles import Obstacle
from core.server_groups import Target
from steps.verify import launch_errors
from steps.verify.launch_errors import Severity, classify

GOOD_ROUNDS = 3
BAD_ROUNDS = 20
# One server may be lost to a machine that broke; a second one was no accident.
FEWEST_LOST = 2
# Of the time limit: how long trouble that may pass (no capacity, a quota, a young instance profile) may last.
PATIENCE = 0.5


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
class GroupSnapshot:
    """A group at one moment.

    `launched`: servers there are, healthy or not. `failures`: why launches failed, newest first. `replaced`: servers
    that came and went; `lost`: those that were healthy and are not any more; `unhealthy`: those last seen unhealthy,
    perhaps gone by now. `obstacles`: what bars the group from growing; `held`: what holds servers that were launched.
    `passes` and `fails`: rounds of the smoke
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
    unhealthy: tuple[Target, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    held: Obstacle | None = None
    passes: int = 0
    fails: int = 0
    smoke: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`healthy`, or failed for a reason, or (neither) wait on."""

    healthy: bool = False
    failure: Problem | None = None


UNREACHED = (
    "let this machine reach the load balancer: `allowedCidrs` must have its address, "
    "and an internal load balancer answers only inside its network"
)


def _smoke_advice(look: GroupSnapshot, otherwise: str) -> str:
    return UNREACHED if "did not answer" in look.smoke else otherwise


def verdict(look: GroupSnapshot) -> Verdict:
    """Whether to go on, and if not, why."""
    ready = server_groups.healthy(look.targets) >= look.needed
    if look.lost >= max(look.needed, FEWEST_LOST):
        return Verdict(
            failure=Problem(
                "PHX-607",
                f"the servers fail after they have answered: {look.lost} were healthy and are not any more\n"
                + reasons(look.unhealthy or look.targets),
                "repair what ends the application (the console tells how it went)",
            )
        )
    if ready and look.passes >= GOOD_ROUNDS:
        return Verdict(healthy=True)
    if ready and look.fails >= BAD_ROUNDS:
        return Verdict(
            failure=Problem(
                "PHX-608",
                f"the servers are healthy, but the smoke test failed {look.fails} times in a row: {look.smoke}",
                _smoke_advice(look, "see why the application answers so (smokePath is asked through the preview rule)"),
            )
        )
    if not ready:
        failed = _barred(look) or _launches(look)
        if failed:
            return failed
        # Each may fail once; beyond that a boot that fails is the rule.
        if look.replaced > look.needed:
            if look.failures:
                return Verdict(
                    failure=Problem(
                        "PHX-613",
                        f"{look.replaced} servers ended before they ran: {look.failures[0]}",
                        classify(look.failures[0]).do,
                    )
                )
            return Verdict(
                failure=Problem(
                    "PHX-606",
                    f"the servers fail as fast as they are launched: {look.replaced} were replaced\n"
                    + reasons(look.unhealthy or look.targets),
                    "repair the image or its start (the console tells how far it came), or raise bootSeconds if boots "
                    "take longer than that",
                )
            )
    if look.elapsed >= look.limit:
        return _late(look, ready=ready)
    return Verdict()


def _barred(look: GroupSnapshot) -> Verdict | None:
    """No time brings servers that nobody launches or registers."""
    if not look.obstacles or (look.launched >= look.needed and len(look.targets) >= look.needed):
        return None
    what, do = obstacles.describe_obstacles(look.obstacles)
    return Verdict(failure=Problem("PHX-603", f"the group can't get its servers: {what}", do))


def _launches(look: GroupSnapshot) -> Verdict | None:
    if look.launched >= look.needed:
        return None  # A later try did it, perhaps in another zone.
    causes = [(message, classify(message)) for message in look.failures]
    for message, cause in causes:
        if cause.trouble is Severity.PERMANENT:
            return Verdict(failure=Problem("PHX-611", f"a server can't be launched: {message}", cause.do))
    if causes and look.elapsed >= PATIENCE * look.limit:
        _, cause = causes[0]
        return Verdict(
            failure=Problem(
                "PHX-612",
                f"servers could not be launched for {look.elapsed:.0f} s: {launch_errors.causes(look.failures)}",
                cause.do,
            )
        )
    return None


def _late(look: GroupSnapshot, *, ready: bool) -> Verdict:
    if ready:
        return Verdict(
            failure=Problem(
                "PHX-609",
                f"the servers are healthy, but the smoke test did not pass within {look.limit:.0f} s"
                + (f": {look.smoke}" if look.smoke else ""),
                _smoke_advice(look, "see why the application answers so, or raise verifyTimeoutSeconds"),
            )
        )
    have = server_groups.healthy(look.targets)
    if look.held:
        return Verdict(
            failure=Problem(
                "PHX-604", f"servers were still held after {look.limit:.0f} s: {look.held.what}", look.held.do
            )
        )
    return Verdict(
        failure=Problem(
            "PHX-605",
            f"{have} of {look.needed} servers were healthy after {look.limit:.0f} s\n{reasons(look.targets)}",
            "repair what the reasons name, or raise verifyTimeoutSeconds if boots take that long",
        )
    )


def types_line(wanted: Sequence[str], types: Sequence[str]) -> str:
    """That servers are not of the type that is preferred, and which they are; empty when they are."""
    others = Counter(kind for kind in types if wanted and kind != wanted[0])
    if not others:
        return ""
    have = ", ".join(f"{count} {'is' if count == 1 else 'are'} {kind}" for kind, count in sorted(others.items()))
    return f"of {len(types)} servers {have}: AWS did not give {wanted[0]}, the first of instanceType, for them"


def reasons(targets: Iterable[Target]) -> str:
    """Why each server that is not healthy is not, a line each."""
    lines = []
    for target in targets:
        if target.state != "healthy":
            hint = REASONS.get(target.reason, "")
            said = f": {target.description}" if target.description else ""
            lines.append(f"{target}{said}" + (f" - {hint}" if hint else ""))
    return "\n".join(lines) or "no server was registered with the load balancer"
