"""Flags of the engine with which an update would do part of what its plan says, or make anew what serves users.

A group is launched whole, and production moves through every gate or not at all. Pulumi does not pass its flags
to a program; they are read off its command line and its environment (pulumi/pulumi, pkg/cmd/pulumi: operations/up.go,
pulumi.go for PULUMI_OPTION_). Where they can't be read, nobody is stopped: production stays with what promote reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.engine_call import Call
from core.errors import Problem
from core.names import other_color
from plan.rollout_plan import RolloutPlan

# What one group or its move of traffic is made of, by the types in a URN.
WHOLE = re.compile(
    r"phoenix:index:(AutoScalingGroup|LaunchTemplate|MachineImage|Rollout)\$|aws:lb/targetGroup:TargetGroup::"
)
# What looks or writes down, and may do so again at any time.
AGAIN = re.compile(r"Rollout\$command:local:Command::\S+-(verify|promote|prune)$|-share$|:Dashboard::")
OURS = "phoenix:index:"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """URNs, and patterns of URNs. `dependents`: what hangs on them is meant too."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    dependents: bool = False


def read_flags(call: Call | None, environment: Mapping[str, str]) -> Flags:
    """The flags of this call; none when nobody knows how the engine was called."""

    def values(*flags: str) -> tuple[str, ...]:
        said = [value for flag in flags for value in (call.values(flag) if call else ())]
        # A short flag may stand before its value without a blank.
        said += [word[2:] for word in (call.arguments if call else ()) if word[:2] in flags and word[2:3] not in "-="]
        # A flag that is given wins over its variable; who knows only the variable takes it as it is.
        names = [f"PULUMI_OPTION_{flag.strip('-').replace('-', '_').upper()}" for flag in flags if flag[:2] == "--"]
        kept = said or [value for name in names for value in environment.get(name, "").split(",")]
        return tuple(value for value in kept if value)

    both = values("--target-replace")
    dependents = ("--target-dependents", "--exclude-dependents")
    return Flags(
        targets=(*values("--target", "-t"), *both),
        excludes=values("--exclude"),
        replaces=(*values("--replace"), *both),
        dependents=bool(call and any(call.has(flag) and "false" not in call.values(flag) for flag in dependents)),
    )


def problems(flags: Flags, plan: RolloutPlan, urns: Iterable[str]) -> Iterator[Problem]:
    """What can't be made safe, each with what to type. `urns`: what the state holds."""
    held = list(urns)
    flip = f"pulumi config set active {other_color(plan.active.color)} && pulumi up"
    instead = (
        f"{flip}   (a group is launched, verified and takes production over)"
        if plan.is_up_to_date
        else ("pulumi up   (without --replace)")
    )
    for said in flags.replaces:
        meant = [urn for urn in held if _pattern(said).fullmatch(urn)] or [said]
        if bad := [urn for urn in meant if OURS in urn and not AGAIN.search(urn)]:
            yield Problem(
                "PHX-211",
                f"--replace {said}: {_name(bad[0])} would be made anew, past every gate, while users are served by"
                " it; nothing was changed",
                instead,
            )
    if plan.is_up_to_date:
        return
    for flag, values in (("--target", flags.targets), ("--exclude", flags.excludes)):
        for said in values:
            if flags.dependents or "*" in said or WHOLE.search(said):
                yield Problem(
                    "PHX-212",
                    f"{flag} {said}: in this update {plan.active.color} passes its gates; that is done as a whole"
                    " or not at all; nothing was changed",
                    f"pulumi up   (without {flag})",
                )


def flag_notes(flags: Flags, plan: RolloutPlan) -> tuple[str, ...]:
    """What the plan has to say of flags that are no problem."""
    if plan.is_up_to_date or not (flags.targets or flags.excludes):
        return ()
    return ("what --target or --exclude leave out is not done: production moves only when promote runs",)


def _pattern(text: str) -> re.Pattern[str]:
    """A URN, or a pattern of some: `*` within its parts, `**` across them (pulumi/pulumi, pkg/resource/deploy)."""
    return re.compile(".*".join("[^:]*".join(re.escape(word) for word in part.split("*")) for part in text.split("**")))


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]
