"""What a run of the project's program reports: operations in order, counts, and what the state holds afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Operation:
    """One thing that the engine did to one resource.

    `op` is the engine's own word: create, update, create-replacement, delete, delete-replaced, read, refresh.
    `started` and `seconds` are seconds since the update began, and the operation's length.
    """

    op: str
    type: str
    name: str
    urn: str
    started: float
    seconds: float
    failed: bool = False

    @property
    def ended(self) -> float:
        """Seconds since the update began."""
        return self.started + self.seconds


@dataclass(frozen=True)
class Result:
    """How one run of the engine ended.

    `changes` counts resources by create, update, replace, delete and same, and is empty when the engine was killed or
    refused to begin; `operations` are in the order in which they began; `text` is everything that was printed.
    """

    returncode: int
    changes: Mapping[str, int]
    operations: tuple[Operation, ...]
    text: str

    @property
    def ok(self) -> bool:
        """Whether the engine says that everything was done."""
        return self.returncode == 0

    def named(self, name: str) -> tuple[Operation, ...]:
        """The operations on resources of this logical name."""
        return tuple(item for item in self.operations if item.name == name)


@dataclass(frozen=True)
class StateResource:
    """A resource as the state holds it; `condemned` when its replacement exists and its own deletion is still due."""

    urn: str
    type: str
    id: str
    pending_delete: bool = False

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Invocation:
    """A command line, the folder to run it in, and its whole environment."""

    command: list[str]
    folder: Path
    environment: Mapping[str, str]


class Running(Protocol):
    """An engine at work in a process of its own."""

    pid: int

    def interrupt(self) -> None:
        """What Ctrl-C does: nothing new is begun, and what runs is cancelled."""

    def kill(self) -> None:
        """What `kill -9` does, to the engine alone."""

    @property
    def ended(self) -> bool:
        """Whether the engine's own process has ended; what it started may live on for a moment."""

    def wait(self, timeout: float | None = None) -> Result:
        """The result, once the process has ended. Raises `TimeoutError` after `timeout` seconds."""


class Engine(Protocol):
    """Runs a Pulumi program on a local cloud. All state is below the working directory."""

    name: str
    stand_in: bool

    @property
    def aws_plugin(self) -> str:
        """The AWS plugin that it runs, in words: its version where it is Pulumi's own."""

    @property
    def packer(self) -> str:
        """The Packer that bakes, in words: its version where it is one."""

    def with_environment(self, **variables: str) -> AbstractContextManager[None]:
        """Runs that begin inside it have these variables of the environment too."""

    def invocation(self, operation: str) -> Invocation:
        """How `preview`, `up` or another operation is started by hand, for who measures it from outside."""

    def start_preview(self, on_line: OnLine | None = None, *, flags: Sequence[str] = ()) -> Running:
        """Begin a preview: what would be done; nothing is. `flags` are the engine's own, as `--save-plan=FILE`."""

    def start_up(self, on_line: OnLine | None = None, *, flags: Sequence[str] = ()) -> Running:
        """Begin an update, without a preview before it; `flags` are the engine's own, as `--target=URN`.

        Raises `NotImplementedError` where the engine does not know them.
        """

    def start_refresh(self, on_line: OnLine | None = None) -> Running:
        """Begin to read again what exists, and to forget what does not."""

    def start_destroy(self, on_line: OnLine | None = None) -> Running:
        """Begin to delete everything."""

    def preview(self, on_line: OnLine | None = None) -> Result:
        """What would be done."""

    def up(self, on_line: OnLine | None = None) -> Result:
        """An update."""

    def refresh(self, on_line: OnLine | None = None) -> Result:
        """Read again what exists; pending creates are forgotten too."""

    def destroy(self, on_line: OnLine | None = None) -> Result:
        """Delete everything."""

    def cancel(self) -> Result:
        """Take away the lock that a killed update left."""

    def config_set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """What `pulumi config set` does."""

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in plain text."""

    def resources(self) -> list[StateResource]:
        """What the state holds, providers left out, in the state's order."""
