"""One run of the stand-in: an update or a preview of one, a refresh, or a destroy."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.engine.standin.aws import Aws
from rehearsal.engine.standin.deletion import Deletion
from rehearsal.engine.standin.deployment import Deployment
from rehearsal.engine.standin.display import Display
from rehearsal.engine.standin.project import Project
from rehearsal.engine.standin.provider import ProviderError, ResourceType, failure_text
from rehearsal.engine.standin.provider_aws import invokes, types
from rehearsal.engine.standin.provider_command import Commands
from rehearsal.engine.standin.state import STACK, Resource, State
from rehearsal.engine.standin.values import Properties, bare


class Run:
    """Opens the state; call one of `update`, `refresh` and `destroy`, each of which returns an exit status."""

    def __init__(
        self, project: Project, folder: Path, events: Path | None, interrupted: threading.Event, *, preview: bool
    ) -> None:
        self.interrupted = interrupted
        self._project, self._preview = project, preview
        self._config = project.config()
        self._display = Display(
            events, preview=preview, hide=[self._config.values[key] for key in self._config.secret_keys]
        )
        self._state = State(state_file(folder, project.name, project.stack), project.passphrase, read_only=preview)
        self._commands = Commands()
        self._aws = Aws(self._config.values, interrupted)
        self._types: Mapping[str, ResourceType] = {**self._commands.types(), **types(self._aws)}

    def interrupt(self) -> None:
        """Begin nothing new, and cancel what runs."""
        self.interrupted.set()
        self._commands.interrupt()

    def update(self) -> int:
        """Run the program and carry out what it declares, or show what would be done."""
        # The program's SDK is loaded only for a run that needs it.
        from rehearsal.engine.standin import monitor, program

        self._title("Previewing update" if self._preview else "Updating")
        if self._state.interrupted and not self._preview:
            self._warn_of_pending()
        deployment = Deployment(
            self._state, self._types, self._display, preview=self._preview, interrupted=self.interrupted
        )
        went_well = program.run(
            self._project,
            self._config,
            monitor.Monitor(deployment, {**invokes(self._aws), "pulumi:pulumi:readStackResourceOutputs": self._made}),
            self._display,
            preview=self._preview,
        )
        if not went_well:
            deployment.fail()
        return 0 if deployment.finish() else 1

    def _made(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the stack has made, by its state. Another stack's is not known here."""
        mine = f"organization/{self._project.name}/{self._project.stack}"
        if arguments["stackName"] != mine:
            raise ProviderError(f"the stand-in knows the stack {mine} alone, not {arguments['stackName']}")
        return {
            "name": mine,
            "outputs": {
                item.urn: {"type": item.type, "outputs": {"id": item.id, **bare(item.outputs)}}
                for item in self._state.resources()
                if not item.pending_delete
            },
        }

    def destroy(self) -> int:
        """Delete everything that the state holds, dependents first."""
        self._title("Destroying")
        deletion = Deletion(self._state, self._types, self._display, preview=False, interrupted=self.interrupted)
        went_well = deletion.run(seen=())
        self._display.summary(failed=not went_well, old={}, new={})
        return 0 if went_well else 1

    def refresh(self) -> int:
        """Read what exists again, forget what does not, and forget creates that were interrupted.

        Inputs stay as they are recorded, so unlike with Pulumi drift of an input is not undone by the next update.
        """
        self._title("Refreshing")
        self._state.clear_pending()
        went_well = True
        for item in self._state.resources():
            if self.interrupted.is_set():
                went_well = False
                break
            went_well &= self._reread(item)
        self._display.summary(failed=not went_well, old={}, new={})
        return 0 if went_well else 1

    def _reread(self, item: Resource) -> bool:
        kind = self._types.get(item.type)
        self._display.start("refresh", item.urn, item.type)
        try:
            # A component, or a command, is what its record says.
            found: Properties | None = kind.read(item.id, bare(item.inputs)) if kind and kind.read else {}
        except Exception as error:
            self._display.fail("refresh", item.urn, item.type, failure_text(error))
            return False
        if found is None:
            self._state.remove(item)
            self._display.finish("refresh", item.urn, item.type, count="delete")
            return True
        outputs = {**item.outputs, **found}
        changed = bare(outputs) != bare(item.outputs)
        if changed:
            self._state.change(item, outputs=outputs)
        self._display.finish("refresh", item.urn, item.type, count="update" if changed else "same")
        return True

    def _title(self, doing: str) -> None:
        self._display.title(f"{doing} ({self._project.stack}) by the rehearsal's stand-in for Pulumi:")

    def _warn_of_pending(self) -> None:
        lines = "\n".join(f"  * {item.urn}, interrupted while {item.operation}" for item in self._state.interrupted)
        self._display.message(
            "warning",
            (
                f"Attempting to deploy or update resources with {len(self._state.interrupted)} pending operations from"
                f" previous deployment.\n{lines}\nThese resources are in an unknown state because the update was"
                " interrupted while waiting for changes to these resources to complete. A refresh clears them."
            ),
        )


def state_file(folder: Path, project: str, stack: str) -> Path:
    """Where the state of a stack is."""
    return folder / "stacks" / project / f"{stack}.json"


def stack_outputs(resources: tuple[Resource, ...]) -> dict[str, object]:
    """The stack's outputs, secrets opened."""
    return next((dict(bare(item.outputs)) for item in resources if item.type == STACK), {})
