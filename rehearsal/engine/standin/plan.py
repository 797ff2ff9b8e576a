"""What to do with a resource, and in which order to delete: pure decisions.

Source: pulumi/pulumi, pkg/resource/deploy/step_generator.go (generateStepsFromDiff, calculateDependentReplacements,
ScheduleDeletes).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from rehearsal.engine.standin.state import Resource
from rehearsal.engine.standin.values import UNKNOWN, Properties, Unknown, contains, same


@dataclass(frozen=True)
class Goal:
    """A resource as the program declares it."""

    urn: str
    type: str
    custom: bool
    inputs: Properties
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    replacement_trigger: Any = None
    delete_seconds: float = 0
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]


class Change(Enum):
    """What happens to a resource; the values are the words of the engine's summary."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class Decision:
    """What happens, and which inputs are the reason; `delete_first` is of a replacement."""

    change: Change
    keys: tuple[str, ...] = ()
    delete_first: bool = False


@dataclass(frozen=True)
class Rules:
    """What a provider says of a type: the inputs that force a replacement, and the one that is its physical name."""

    replaced_by: Callable[[str], bool]
    name_input: str | None = None


def decide(goal: Goal, old: Resource | None, inputs: Mapping[str, Any], rules: Rules) -> Decision:
    """Compare checked `inputs` (what `ignore_changes` names already put back) with the state."""
    if old is None:
        return Decision(Change.CREATE)
    changed = changed_keys(old.inputs, inputs)
    if trigger_fires(goal.replacement_trigger, old.replacement_trigger):
        # The provider is not asked in this case, so a physical name of one's own does not turn the order round.
        return Decision(Change.REPLACE, (), goal.delete_before_replace or False)
    forced = tuple(key for key in changed if rules.replaced_by(key) or {key, "*"} & set(goal.replace_on_changes))
    if old.deleted_for_replacement:
        return Decision(Change.REPLACE, forced, delete_first=True)
    if forced:
        first = goal.delete_before_replace
        return Decision(Change.REPLACE, forced, _own_name(old, inputs, rules) if first is None else first)
    return Decision(Change.UPDATE, changed) if changed else Decision(Change.SAME)


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that differ; `__defaults` is bookkeeping."""
    keys = sorted((old.keys() | new.keys()) - {"__defaults"})
    return tuple(key for key in keys if key not in old or key not in new or not same(old[key], new[key]))


def trigger_fires(new: Any, old: Any) -> bool:
    """Whether a `replacement_trigger` asks for a replacement: known before and after, and another, or not knowable."""
    if contains(new, Unknown) or contains(old, Unknown):
        return True
    return new is not None and old is not None and not same(new, old)


def _own_name(old: Resource, inputs: Mapping[str, Any], rules: Rules) -> bool:
    """Two things can't have one name: an unchanged name of the program's own asks for the deletion first."""
    key = rules.name_input
    return (
        key is not None
        and key in inputs
        and key not in inputs.get("__defaults", [])
        and same(old.inputs.get(key), inputs[key])
    )


def replaced_along(
    root: Resource, state: Sequence[Resource], seen: Collection[str], rules: Callable[[str], Rules]
) -> list[Resource]:
    """What must be deleted before `root` is: dependents whose inputs would change so that they are replaced too.

    In the state's order. `seen` are URNs that this update has decided on already.
    """
    replaced, found = {root.urn}, []
    for item in state[state.index(root) + 1 :]:
        if item.urn in seen or not item.custom or item.pending_delete:
            continue
        unknown = {key for key, urns in item.property_dependencies.items() if replaced & set(urns)}
        inputs = {key: UNKNOWN if key in unknown else value for key, value in item.inputs.items()}
        if any(rules(item.type).replaced_by(key) for key in changed_keys(item.inputs, inputs)):
            replaced.add(item.urn)
            found.append(item)
    return found


def in_waves(doomed: Iterable[Resource]) -> list[list[Resource]]:
    """Waves of deletions: each can run at once, and dependents go in an earlier wave than what they depend on.

    Several with one URN (left by failed updates) all count as what a dependent depends on.
    """
    left, waves = list(doomed), list[list[Resource]]()
    while left:
        urns = {item.urn for item in left}
        wave = [item for item in left if not (item.needs - {item.urn}) & urns]
        # Two generations of one URN can depend on each other's successors: then the state's order decides.
        wave = wave or left[:1]
        waves.append(wave)
        left = [item for item in left if not any(item is gone for gone in wave)]
    return waves[::-1]


def needed_by(kept: Iterable[Resource], doomed: Sequence[Resource]) -> frozenset[str]:
    """URNs among `doomed` that something of `kept` depends on, however indirectly."""
    by_urn = {item.urn: item for item in doomed}
    needed, queue = set[str](), [urn for item in kept for urn in item.needs]
    while queue:
        urn = queue.pop()
        if urn in by_urn and urn not in needed:
            needed.add(urn)
            queue.extend(by_urn[urn].needs)
    return frozenset(needed)
