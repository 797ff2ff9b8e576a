"""Carries a program's declarations out, one by one as they come, and deletes what left the program at the end.

The rules are the engine's: see `plan` for the decisions. Source: pulumi/pulumi, pkg/resource/deploy/
{deployment_executor,step_executor,step}.go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rehearsal.engine.standin.deletion import Deletion
from rehearsal.engine.standin.display import Display
from rehearsal.engine.standin.plan import Change, Decision, Goal, Rules, decide, replaced_along
from rehearsal.engine.standin.provider import Call, HalfMadeError, ProviderError, ResourceType, failure_text
from rehearsal.engine.standin.state import STACK, Resource, State
from rehearsal.engine.standin.values import UNKNOWN, Properties, Secret, Unknown, bare, contains, reset


class StoppedError(Exception):
    """Nothing new is begun any more: something failed, or the user interrupted."""


@dataclass(frozen=True)
class Registered:
    """What the program learns of a resource; an id that nobody can know yet is empty."""

    urn: str
    id: str
    outputs: Properties


class Deployment:
    """One update, or one preview. Thread-safe: independent resources are registered, and made, at the same time."""

    def __init__(
        self,
        state: State,
        types: Mapping[str, ResourceType],
        display: Display,
        *,
        preview: bool,
        interrupted: threading.Event,
    ) -> None:
        self._state, self._types, self._display, self._is_preview = state, types, display, preview
        self._interrupted = interrupted
        self._failed = False
        self._lock = threading.RLock()
        self._before = {item.urn: item for item in state.before() if not item.pending_delete}
        self._seen: set[str] = set()
        self._components: dict[str, tuple[Resource, str, str]] = {}  # record, operation, word of the summary
        self._stack_outputs: Properties | None = None
        self.deletion = Deletion(state, types, display, preview=preview, interrupted=interrupted)

    @property
    def stopped(self) -> bool:
        """Whether nothing new may begin."""
        return self._failed or self._interrupted.is_set()

    def fail(self) -> None:
        """Let nothing new begin."""
        self._failed = True

    def refuse(self, urn: str, reason: str) -> None:
        """Say why a declaration can't be carried out, and let nothing new begin."""
        self._display.message("error", reason, urn)
        self._failed = True

    def register(self, goal: Goal) -> Registered:
        """Bring one resource to what the program says. Raises `StoppedError` and `ProviderError`."""
        with self._lock:
            if self.stopped:
                raise StoppedError
            if goal.urn in self._seen:
                raise ProviderError(f"Duplicate resource URN '{goal.urn}'; try giving it a unique name")
            if goal.urn not in self._before and self._before.keys() & set(goal.aliases):
                raise ProviderError("the stand-in cannot rename what exists already; Pulumi itself does")
            self._seen.add(goal.urn)
        return self._custom(goal) if goal.custom else self._component(goal)

    def outputs(self, urn: str, outputs: Properties) -> None:
        """A component is complete, or the stack's outputs are known (they are recorded at the end)."""
        with self._lock:
            if self.stopped:
                raise StoppedError
            if urn.split("::")[2] == STACK:
                self._stack_outputs = outputs
                return
            record, op, word = self._components.pop(urn)
            self._state.change(record, outputs=outputs)
            self._display.finish(op, urn, record.type, count=word)

    def finish(self) -> bool:
        """After the program: delete what it no longer has, record the stack's outputs. Whether all went well."""
        if not self.stopped:
            self._failed = not self.deletion.run(self._seen)
        # A component whose outputs never came is there all the same.
        stack = next((urn for urn in self._components if urn.split("::")[2] == STACK), None)
        for urn, (record, op, word) in self._components.items():
            if urn != stack:
                self._display.finish(op, urn, record.type, count=word)
        old: Properties = {}
        new: Properties = {}
        if stack is not None:
            record, op, word = self._components[stack]
            old = record.outputs
            # What a failed update does not say may well be there still.
            new = {**(old if self.stopped else {}), **(self._stack_outputs or {})}
            self._state.change(record, outputs=new)
            self._display.finish(op, stack, record.type, count=word)
        self._display.summary(failed=self.stopped, old=old, new=new)
        return not self.stopped

    def _component(self, goal: Goal) -> Registered:
        with self._lock:
            old = self._before.get(goal.urn)
            decision = decide(goal, old, goal.inputs, Rules(lambda key: False))
            op = "same" if decision.change is Change.SAME else "update" if old else "create"
            self._display.start(op, goal.urn, goal.type, decision.keys)
            record = _record(goal, "", goal.inputs, old.outputs if old else {})
            self._state.put(record, instead_of=old)
            self._components[goal.urn] = (record, op, op)
        return Registered(goal.urn, "", goal.inputs)

    def _custom(self, goal: Goal) -> Registered:
        kind = self._types.get(goal.type)
        if kind is None:
            raise ProviderError(f"the stand-in does not know resources of type {goal.type}; Pulumi itself does")
        with self._lock:
            old = self._before.get(goal.urn)
            gone = goal.urn in self.deletion.gone
            wanted = goal.inputs
            for path in goal.ignore_changes if old else ():
                wanted = reset(path, old.inputs, wanted) if old else wanted
            inputs = kind.check(goal.name, wanted, None if gone or old is None else old.inputs)
            decision = decide(goal, old, inputs, kind.rules())
            if old is not None and gone:
                decision = Decision(Change.REPLACE, decision.keys, delete_first=True)
            if decision.change is Change.REPLACE:
                # Defaults and the physical name are made anew: the old thing still has its own.
                inputs = kind.check(goal.name, goal.inputs, None)
                self._may_replace(goal, old)
            if decision.delete_first and old is not None and not gone:
                self.deletion.before_replacement(old, self._along(old))
        if not self._is_preview and contains([inputs, goal.replacement_trigger], Unknown):
            raise ProviderError("an input is unknown during an update")
        return self._apply(goal, kind, old, inputs, decision)

    def _apply(
        self, goal: Goal, kind: ResourceType, old: Resource | None, inputs: Properties, decision: Decision
    ) -> Registered:
        if decision.change is Change.SAME and old is not None:
            self._display.start("same", goal.urn, goal.type)
            record = replace(_record(goal, old.id, inputs, {}), outputs=old.outputs)
            self._state.put(record, instead_of=old)
            self._display.finish("same", goal.urn, goal.type, count="same")
            return Registered(goal.urn, old.id, old.outputs)
        replacing = decision.change is Change.REPLACE
        op = "create-replacement" if replacing else decision.change.value
        self._display.start(op, goal.urn, goal.type, decision.keys)
        try:
            with self._state.operation(goal.urn, "updating" if decision.change is Change.UPDATE else "creating"):
                make = self._preview if self._is_preview else self._do
                record = make(goal, kind, old, inputs, decision)
                # Within the operation: a crash must find either what is under way, or its record.
                last = self.deletion.last(old) if old is not None else None
                if last is not None and replacing and not decision.delete_first:
                    self._state.change(last, pending_delete=True)
                    last = None
                self._state.put(record, instead_of=last)
        except Exception as error:
            self._failed = True
            self._display.fail(op, goal.urn, goal.type, failure_text(error))
            raise StoppedError from error
        self._display.finish(op, goal.urn, goal.type, count=decision.change.value)
        return Registered(goal.urn, record.id, record.outputs)

    def _do(
        self, goal: Goal, kind: ResourceType, old: Resource | None, inputs: Properties, decision: Decision
    ) -> Resource:
        """Have the provider make or change the resource."""
        call = Call(goal.urn, self._interrupted, self._say(goal.urn))
        plain = bare(inputs)
        if decision.change is Change.UPDATE and old is not None and kind.update is not None:
            made = kind.update(call, old.id, plain, bare(old.outputs), frozenset(decision.keys))
            stays = {key: value for key, value in bare(old.outputs).items() if key not in old.inputs}
            return _record(goal, old.id, inputs, {**stays, **plain, **made})
        try:
            ident, made = kind.create(call, plain)
        except HalfMadeError as half:
            self._state.put(replace(_record(goal, half.ident, inputs, plain), pending_delete=True), instead_of=None)
            raise
        return _record(goal, ident, inputs, {**plain, **made})

    def _preview(
        self, goal: Goal, kind: ResourceType, old: Resource | None, inputs: Properties, decision: Decision
    ) -> Resource:
        """What a preview can say: inputs are known, and of a thing that stays what an update does not change."""
        if decision.change is not Change.UPDATE or old is None:
            return _record(goal, "", inputs, inputs)
        others = {key: value for key, value in old.outputs.items() if key not in old.inputs}
        moving = others.keys() if kind.unsettled is None else kind.unsettled
        return _record(
            goal,
            old.id,
            inputs,
            {**{key: UNKNOWN if key in moving else value for key, value in others.items()}, **inputs},
        )

    def _along(self, old: Resource) -> list[Resource]:
        def rules(token: str) -> Rules:
            return self._types[token].rules()

        known = [item for item in self._state.before() if not item.custom or item.type in self._types]
        return replaced_along(old, known, self._seen - {old.urn}, rules)

    def _may_replace(self, goal: Goal, old: Resource | None) -> None:
        if goal.protect and old is not None and old.protect:
            raise ProviderError(
                f"unable to replace resource {goal.urn!r}\nas it is currently marked for protection. To unprotect the"
                " resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
            )

    def _say(self, urn: str) -> Callable[[str], None]:
        return lambda line: self._display.message("info", line, urn, passing=True)


def _record(goal: Goal, ident: str, inputs: Properties, outputs: Properties) -> Resource:
    """The resource as the state holds it from now on."""
    # An output is a secret when the program says so, or when the input of the same name is one.
    marked = {
        key: Secret(value) if key in goal.secret_outputs or contains(inputs.get(key), Secret) else value
        for key, value in bare(outputs).items()
        if key != "__defaults" and value is not None
    }
    return Resource(
        urn=goal.urn,
        type=goal.type,
        custom=goal.custom,
        id=ident,
        inputs=inputs,
        outputs=marked,
        parent=goal.parent,
        dependencies=goal.dependencies,
        property_dependencies=goal.property_dependencies,
        protect=goal.protect,
        retain_on_delete=goal.retain_on_delete,
        replacement_trigger=goal.replacement_trigger,
        delete_seconds=goal.delete_seconds,
    )
