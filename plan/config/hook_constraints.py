"""The rules of hooks, and those that join them to canarySteps and the region."""

from __future__ import annotations

from core import partitions
from core.errors import problem
from core.hooks import COMMAND, Hook, parse_hook, possible_names
from plan.config.constraint import BrokenConstraints
from plan.config.settings import Settings

EXAMPLE = "'make check'"


def hook_constraints(s: Settings) -> BrokenConstraints:
    """One problem for each hook that can't be."""
    possible = possible_names(s.canary_steps)
    for name, said in s.hooks.items():
        key = f"hooks.{name}"
        if name not in possible:
            yield (
                ("hooks", "canarySteps"),
                problem(
                    "PHX-180",
                    key,
                    said,
                    f"is no hook of this stack: there are {', '.join(possible)}",
                    f"pulumi config rm --path {key}, and pulumi config set --path hooks.{possible[1]} {EXAMPLE}",
                ),
            )
            continue
        try:
            hook = parse_hook(name, said)
        except ValueError as rule:
            fix = f"pulumi config set --path {key} {EXAMPLE}   (docs/hooks.md has all forms)"
            yield ("hooks",), problem("PHX-181", key, said, f"can't be asked: it {rule}", fix)
            continue
        expected = [partitions.of(s.region), s.region]
        if _place(hook) not in ([], expected):
            yield (
                ("hooks",),
                problem(
                    "PHX-182",
                    key,
                    hook.target,
                    f"must be in the stack's region ({s.region})",
                    f"pulumi config set --path {key}.{hook.kind} {_moved(hook, expected)}",
                ),
            )


def _place(hook: Hook) -> list[str]:
    """Partition and region of an ARN; nothing of what is none."""
    parts = hook.target.split(":")
    return [parts[1], parts[3]] if hook.kind != COMMAND and parts[0] == "arn" else []


def _moved(hook: Hook, place: list[str]) -> str:
    parts = hook.target.split(":")
    return ":".join([parts[0], place[0], parts[2], place[1], *parts[4:]])
