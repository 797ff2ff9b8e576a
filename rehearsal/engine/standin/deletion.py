"""Deletes: of what left the program, of what was replaced, and of what must be gone before its replacement comes.

Source: pulumi/pulumi, pkg/resource/deploy/{step_generator,deployment_executor}.go (GenerateDeletes, performPostSteps).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rehearsal.engine.standin.display import Display
from rehearsal.engine.standin.plan import in_waves, needed_by
from rehearsal.engine.standin.provider import Call, ProviderError, ResourceType, failure_text
from rehearsal.engine.standin.state import Resource, State
from rehearsal.engine.standin.values import bare

WORKERS = 16


class Deletion:
    """Deletes resources of the state, dependents first, and stops at the first failure."""

    def __init__(
        self,
        state: State,
        types: Mapping[str, ResourceType],
        display: Display,
        *,
        preview: bool,
        interrupted: threading.Event,
    ) -> None:
        self._state, self._types, self._display, self._preview = state, types, display, preview
        self._interrupted = interrupted
        self._marked: dict[str, Resource] = {}

    @property
    def gone(self) -> Collection[str]:
        """URNs of what was deleted because its replacement, or that of what it needs, can only come afterwards."""
        return self._marked.keys()

    def last(self, old: Resource) -> Resource:
        """The newest record of a resource of the state before this update."""
        return self._marked.get(old.urn, old)

    def run(self, seen: Collection[str]) -> bool:
        """Delete whatever of the state is condemned, or not among the `seen` URNs. Whether all of it could be."""
        doomed = [item for item in self._state.before() if item.pending_delete or item.urn not in seen]
        refused = [item for item in doomed if item.protect and not item.pending_delete]
        for item in refused:
            self._display.message(
                "error",
                (
                    f"resource {item.urn!r} cannot be deleted\nbecause it is protected. To unprotect the resource,"
                    " either remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or"
                    f" use the command:\n`pulumi state unprotect '{item.urn}'`"
                ),
                item.urn,
            )
        # What a protected resource needs stays too; everything else goes.
        kept = needed_by(refused, doomed) | {item.urn for item in refused}
        for wave in in_waves([item for item in doomed if item.urn not in kept]):
            if self._interrupted.is_set():
                return False
            with ThreadPoolExecutor(WORKERS) as pool:
                if not all(list(pool.map(self._attempt, wave))):
                    return False
        return not refused

    def before_replacement(self, old: Resource, dependents: Sequence[Resource]) -> None:
        """Delete a resource whose replacement can't exist beside it, after those that would be replaced with it.

        Raises `ProviderError`. The records stay, marked, until the replacements exist.
        """
        for item in [*reversed(dependents), old]:
            if item is not old and item.protect:
                raise ProviderError(
                    f"unable to replace resource {item.urn!r} as part of replacing {old.urn!r} as it is currently"
                    " marked for protection"
                )
            if item.urn not in self._marked and not item.deleted_for_replacement:
                if not self._attempt(item, mark=True):
                    raise ProviderError(f"it could not be deleted before its replacement: {item.urn}")
            else:
                self._marked.setdefault(item.urn, item)

    def _attempt(self, item: Resource, mark: bool = False) -> bool:
        op = "delete-replaced" if item.pending_delete or mark else "delete"
        self._display.start(op, item.urn, item.type)
        try:
            with self._state.operation(item.urn, "deleting"):
                if not self._preview:
                    self._delete(item)
                if mark:
                    self._marked[item.urn] = self._state.change(item, deleted_for_replacement=True)
                else:
                    self._state.remove(item)
        except Exception as error:
            self._display.fail(op, item.urn, item.type, failure_text(error))
            return False
        self._display.finish(op, item.urn, item.type, count="delete" if op == "delete" else None)
        return True

    def _delete(self, item: Resource) -> None:
        if not item.custom or item.retain_on_delete or item.deleted_for_replacement:
            return
        kind = self._types.get(item.type)
        if kind is None:
            raise ProviderError(f"the stand-in does not know resources of type {item.type}; Pulumi itself does")
        call = Call(
            item.urn,
            self._interrupted,
            lambda line: self._display.message("info", line, item.urn, passing=True),
            item.delete_seconds,
        )
        kind.delete(call, item.id, bare({**item.inputs, **item.outputs}))
