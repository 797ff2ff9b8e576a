"""The real `pulumi` as an `Engine`: its command line with a file backend, and the event log that it can write.

Not the Automation API, which drives the same command line: its `up` blocks, and gives no handle of the process that is
to be interrupted or killed.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal.engine import tools
from rehearsal.engine.base import Base
from rehearsal.engine.child import Child, start_process
from rehearsal.engine.config import environment
from rehearsal.engine.model import Invocation, OnLine, StateResource

ARGUMENTS = {
    "preview": ("preview",),
    "up": ("up", "--yes", "--skip-preview"),
    "refresh": ("refresh", "--yes", "--skip-preview", "--clear-pending-creates"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
    "cancel": ("cancel", "--yes"),
}


class RealEngine(Base):
    """Implements `Engine` by Pulumi. PULUMI_HOME is left as it is: plugins are found, or fetched, as always."""

    stand_in = False

    def __init__(self, project_dir: Path, stack: str, workdir: Path, given: Mapping[str, str], pulumi: str) -> None:
        self._folder, self._stack, self._workdir, self._pulumi = project_dir.resolve(), stack, workdir.resolve(), pulumi
        self._numbers = itertools.count(1)
        state = self._workdir / "state"
        state.mkdir(parents=True, exist_ok=True)
        self._environment = {
            **environment(given),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # It unlocks --event-log, as the Automation API does.
            "PULUMI_DEBUG_COMMANDS": "true",
            # For a project that names no virtual environment.
            "PULUMI_PYTHON_CMD": sys.executable,
        }
        self.name = f"pulumi {self._say('version').strip().removeprefix('v')}"
        self._say("stack", "select", "--create", stack)

    @property
    def aws_plugin(self) -> str:
        """Which one Pulumi takes."""
        return tools.aws_plugin(self._environment)

    def config_set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """What `pulumi config set` does. It reads a secret from its input: arguments can be read by everybody."""
        flags = ["--secret" if secret else "--plaintext", *(["--path"] if path else [])]
        words = [key] if secret else [key, value]
        self._say("config", "set", "--stack", self._stack, *flags, "--", *words, told=value if secret else None)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in plain text."""
        said = self._say("stack", "output", "--stack", self._stack, "--json", "--show-secrets")
        return dict(json.loads(said))

    def resources(self) -> list[StateResource]:
        """What the state holds, without the providers that the engine makes for itself."""
        said = json.loads(self._say("stack", "export", "--stack", self._stack))
        held = said["deployment"].get("resources") or []
        return [
            StateResource(item["urn"], item["type"], item.get("id", ""), item.get("delete", False))
            for item in held
            if not item["type"].startswith("pulumi:providers:")
        ]

    def start(self, operation: str, on_line: OnLine | None, flags: Sequence[str] = ()) -> Child:
        """Start the command line."""
        events = self._workdir / f"events-{operation}-{next(self._numbers)}.jsonl"
        events.unlink(missing_ok=True)
        by = self.invocation(operation)
        log = [] if operation == "cancel" else ["--event-log", str(events)]
        link = self._lend_python()
        return Child(
            start_process([*by.command, *flags, *log], folder=by.folder, environment=by.environment),
            events=events,
            on_line=on_line,
            on_end=lambda: link.unlink(missing_ok=True) if link else None,
        )

    def invocation(self, operation: str) -> Invocation:
        """Pulumi's command line."""
        named = [self._stack] if operation == "cancel" else ["--stack", self._stack]
        command = [self._pulumi, *ARGUMENTS[operation], "--non-interactive", "--color", "never", *named]
        return Invocation(command, self._folder, self._environment)

    def _say(self, *arguments: str, told: str | None = None) -> str:
        done = subprocess.run(
            [self._pulumi, *arguments, "--non-interactive"]
            if "--" not in arguments
            else [self._pulumi, "--non-interactive", *arguments],
            cwd=self._folder,
            env=self._environment,
            input=told,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"pulumi {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout

    def _lend_python(self) -> Path | None:
        """A link to our Python where Pulumi.yaml names a virtual environment that this copy of the project lacks.

        Pulumi takes the folder's name from Pulumi.yaml alone. The link is there only while the engine runs.
        """
        runtime = yaml.safe_load((self._folder / "Pulumi.yaml").read_text())["runtime"]
        named = runtime.get("options", {}).get("virtualenv") if isinstance(runtime, dict) else None
        if not named:
            return None
        place = self._folder / str(named)
        if place.exists():
            return None
        place.unlink(missing_ok=True)  # a link that leads nowhere
        place.symlink_to(self._our_python(), target_is_directory=True)
        return place

    def _our_python(self) -> Path:
        """The virtual environment that we run in, or one that shows what our Python has."""
        if sys.prefix != sys.base_prefix:
            return Path(sys.prefix)
        made = self._workdir / "python"
        if not made.exists():
            venv.create(made, system_site_packages=True, symlinks=True)
        return made
