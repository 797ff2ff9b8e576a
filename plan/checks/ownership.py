"""Whose production it is: what AWS holds of a stack must be what this state has made, or nothing is declared.

A second state of the same stack (another backend, a lost state, a project of another name) knows nothing of the groups
that serve, and would make everything anew beside them. What this state has made and forgotten would be made twice.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.errors import Problem, UserError, problem
from core.tags import ignore_not_found
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.readers.load_balancers import Balancer, rules_of, tags_of
from plan.readers.reads import Reads
from plan.readers.stack_state import StateInventory
from plan.readers.unrecorded import Unknown

RULE, LISTENER = "aws:lb/listenerRule:ListenerRule", "aws:lb/listener:Listener"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


@dataclass(frozen=True)
class ForeignBalancer:
    """A load balancer with the stack's tag that its state has not made. `rule`: of production on it, if any (ARN)."""

    balancer: Balancer
    rule: str = ""


def read_owners(reads: Reads, others: Iterable[Balancer]) -> tuple[ForeignBalancer, ...]:
    """What is on load balancers that the state has not made, and that are still there.

    Usually there are none, and nothing is asked.
    """
    found = []
    for one in others:
        with ignore_not_found():
            rules = reads.ask(rules_of, one.arn)
            production = (rule["RuleArn"] for rule in rules if rule["tags"].get("phoenix:rule") == "production")
            found.append(ForeignBalancer(one, next(production, "")))
    return tuple(found)


def unknown_listeners(reads: Reads, live: LiveState, made: StateInventory) -> tuple[Unknown, ...]:
    """Listeners of the stack's own load balancer that its state does not hold. A listener is called as its tag says.

    One without rules is what a killed update has left of a change of port: it is made again, or goes.
    """
    if live.load_balancer not in made.ids:
        return ()
    used = {door.listener for door in live.listener_rules}
    unknown = [arn for arn in live.listeners if arn not in made.ids and arn in used]
    return tuple(Unknown(LISTENER, tags.get("Name", ""), arn) for arn, tags in tags_of(reads, unknown).items())


def check_identity(settings: Settings, made: StateInventory) -> None:
    """Raises `UserError` when the state has made another stack than the configuration says.

    For a program with one service. With several, the guard of each production rule refuses what would be lost.
    """
    others = sorted({one.owner for one in made.aws if one.type in (RULE, BALANCER) and one.owner})
    if not others or settings.identity in others:
        return
    service, _, stack = others[0].rpartition("/")
    fixes = []
    if service != settings.service:
        fixes.append(f"pulumi config set service {service}")
    if stack != settings.stack:
        fixes.append(f"pulumi stack rename {stack}")
    raise UserError(
        Problem(
            "PHX-218",
            f"service and stack are {settings.identity}, but this state has made {others[0]}, which would be deleted"
            " with all that serves; nothing was changed",
            f"{' && '.join(fixes)}\n"
            "(to move on purpose: make another stack beside it (pulumi stack init NAME), lead users there, for example"
            " by DNS, and then destroy this one)",
        )
    )


def namesakes(settings: Settings, others: Iterable[str]) -> Iterator[Problem]:
    """Why a stack may not have the names of `others` (SERVICE/STACK) that are in this account. Pure.

    AWS knows names, which have a hyphen where a stack's identity has a slash. By them policies keep stacks apart
    (docs/iam), and a dashboard has nothing else.
    """
    for other in others:
        yield problem(
            "PHX-227",
            "service",
            settings.service,
            f"must not make the names of {settings.identity} in AWS ({settings.name}-...) those of {other}, which is in"
            " this account: rights and the dashboard of one would be the other's",
            "pulumi config set service NAME, or another stack: pulumi stack init NAME   (when either serves already:"
            " make the new one beside it, lead users there, and destroy the old one)",
        )


def left_by_killed(found: Iterable[ForeignBalancer], made: StateInventory) -> tuple[str, ...]:
    """ARNs of load balancers that a killed update of this very state has made: they stand in its security group.

    The state never heard of them, so nothing was made on them, and nobody uses them.
    """
    return tuple(one.balancer.arn for one in found if not one.rule and _is_of(one, made))


def refusal(
    settings: Settings,
    live: LiveState,
    made: StateInventory,
    found: Sequence[ForeignBalancer],
    unknown: Sequence[Unknown] = (),
) -> list[Problem]:
    """Why this state may not update the stack; none when it may. `unknown`: what else it has forgotten. Pure."""
    return [
        *_balancers(settings, made, found),
        *_groups(settings, live, made),
        *_rules(settings, live, made),
        *(_forgotten(settings, made, one) for one in unknown),
    ]


def _balancers(settings: Settings, made: StateInventory, found: Iterable[ForeignBalancer]) -> Iterator[Problem]:
    for one in found:
        if not _is_of(one, made):
            serves = f", with production on it ({one.rule})" if one.rule else ""
            unused = [] if one.rule else [f"aws elbv2 delete-load-balancer --load-balancer-arn {one.balancer.arn}"]
            yield _another_states(settings, f"the load balancer {one.balancer.arn}{serves}", unused)
        elif one.rule:
            yield _forgotten(settings, made, Unknown(BALANCER, settings.name, one.balancer.arn))


def _groups(settings: Settings, live: LiveState, made: StateInventory) -> Iterator[Problem]:
    """Beside a load balancer of this state, a group that it does not know is what a killed update has left."""
    unknown = [name for name in live.unused_groups if name not in made.ids]
    if not live.load_balancer and not live.other_balancers and unknown:
        delete = "aws autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name"
        yield _another_states(
            settings, f"auto-scaling groups ({', '.join(unknown)})", [f"{delete} {name}" for name in unknown]
        )


def _rules(settings: Settings, live: LiveState, made: StateInventory) -> Iterator[Problem]:
    holds = any(one.owner == settings.identity for one in made.aws)
    # Where a killed update has left a second rule of a kind, the state knows the first.
    known = {door.kind for door in live.listener_rules if door.arn in made.rules}
    for kind, arn in live.rules.items():
        if arn in made.rules or kind in known:
            continue
        if holds:
            yield _forgotten(settings, made, Unknown(RULE, f"{settings.name}-{kind}", arn))
        else:
            yield _another_states(settings, f"the {kind} rule {arn}")


def _is_of(found: ForeignBalancer, made: StateInventory) -> bool:
    return not made.ids.isdisjoint(found.balancer.security_groups)


def _another_states(settings: Settings, what: str, unused: Iterable[str] = ()) -> Problem:
    """`unused`: the commands that delete what nobody may need."""
    return Problem(
        "PHX-215",
        f"AWS holds {what} of {settings.identity}, and this state has not made it: another state of the stack has, or"
        " this one was lost; nothing was changed",
        "pulumi login BACKEND && pulumi stack select STACK   (those of the state that made it; pulumi whoami -v"
        " and pulumi stack ls tell the present ones)\n"
        "or bring its state here: pulumi stack export --file state.json   (there), then\n"
        "                         pulumi stack import --file state.json   (here)\n"
        "(as another stack beside it: pulumi stack init NAME, or pulumi config set service NAME)"
        + "".join(f"\nor, when nobody needs it: {command}" for command in unused),
    )


def _forgotten(settings: Settings, made: StateInventory, one: Unknown) -> Problem:
    return Problem(
        "PHX-216",
        f"the state has forgotten {one.id}, which AWS holds for {settings.identity}; nothing was changed",
        f"{import_command(settings.name, made, one)}\nthen: pulumi up",
    )


def import_command(name: str, made: StateInventory, one: Unknown) -> str:
    """The line that brings something back into the state, below the component that declares it.

    A name that the engine chose is kept: pulumi/pulumi-terraform-bridge, pkg/tfbridge/info/autonaming.go, PriorValue.
    """
    kinds = [one.below] if one.below else ["LoadBalancer", "ExistingListener"]
    parents = [made.find(f"phoenix:index:{kind}", name) for kind in kinds]
    parent = next((found.urn for found in parents if found), "")
    below = ["--parent", f"parent={parent}"] if parent else []
    return shlex.join(
        ["pulumi", "import", "--yes", "--protect=false", "--generate-code=false", *below, one.type, one.name, one.id]
    )


def forgotten_groups(live: LiveState, made: StateInventory, *, stay: Collection[str]) -> Iterator[Problem]:
    """Why groups that have production can't stay, of the colors that this update keeps: the state has forgotten them.

    A group made in their place would be in their target group before anybody has verified it. Pure.
    """
    for group in live.groups:
        gone = [thing for thing in (group.target_group, group.name) if thing and thing not in made.ids]
        if group.weight and group.color in stay and gone:
            other = "green" if group.color == "blue" else "blue"
            yield Problem(
                "PHX-217",
                f"the state has forgotten {' and '.join(gone)} of {group.color}, which has production: what is made"
                " in its place would pass no gate.",
                f"pulumi config set active {other} && pulumi config set traffic 100 && pulumi up   (a group is"
                " launched, verified, and takes over)",
            )
