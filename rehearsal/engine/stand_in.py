"""The stand-in as an `Engine`: starts `python -m rehearsal.engine.standin`, and reads the state that it leaves."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal.engine.base import Base
from rehearsal.engine.child import Child, start_process
from rehearsal.engine.config import environment
from rehearsal.engine.model import Invocation, OnLine, StateResource
from rehearsal.engine.standin import forked
from rehearsal.engine.standin.project import Project
from rehearsal.engine.standin.run import stack_outputs, state_file
from rehearsal.engine.standin.state import State

# Where the package `rehearsal` is found by the child.
ROOT = Path(__file__).resolve().parents[2]


class StandIn(Base):
    """Implements `Engine` without Pulumi."""

    name = "stand-in"
    stand_in = True
    aws_plugin = "none (the stand-in calls AWS itself)"

    def __init__(self, project_dir: Path, stack: str, workdir: Path, given: Mapping[str, str]) -> None:
        self._folder, self._stack, self._workdir = project_dir.resolve(), stack, workdir.resolve()
        self._environment = environment(given)
        self._numbers = itertools.count(1)
        self._workdir.mkdir(parents=True, exist_ok=True)

    def config_set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """What `pulumi config set` does, but comments in the stack's file are lost."""
        self._project().set(key, value, secret=secret, path=path)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in plain text."""
        return stack_outputs(self._state().resources())

    def resources(self) -> list[StateResource]:
        """What the state holds."""
        return [StateResource(item.urn, item.type, item.id, item.pending_delete) for item in self._state().resources()]

    def start(self, operation: str, on_line: OnLine | None, flags: Sequence[str] = ()) -> Child:
        """Start the stand-in. Raises `NotImplementedError` for what only Pulumi can."""
        if flags:
            raise NotImplementedError(f"the stand-in knows no {' '.join(flags)}; Pulumi itself does")
        events = self._workdir / f"events-{operation}-{next(self._numbers)}.jsonl"
        events.unlink(missing_ok=True)
        by = self.invocation(operation)
        begin = forked.Forked if forked.AVAILABLE else start_process
        process = begin([*by.command, "--events", str(events)], folder=by.folder, environment=by.environment)
        return Child(process, events=events, on_line=on_line)

    def invocation(self, operation: str) -> Invocation:
        """The stand-in's own command line."""
        command = [
            sys.executable,
            "-m",
            "rehearsal.engine.standin",
            "pulumi",
            operation,
            "--project",
            str(self._folder),
            "--stack",
            self._stack,
            "--state",
            str(self._workdir),
        ]
        return Invocation(command, ROOT, self._environment)

    def _project(self) -> Project:
        return Project(self._folder, self._stack, self._environment["PULUMI_CONFIG_PASSPHRASE"])

    def _state(self) -> State:
        project = self._project()
        return State(state_file(self._workdir, project.name, self._stack), project.passphrase, read_only=True)
