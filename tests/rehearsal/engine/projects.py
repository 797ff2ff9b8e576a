"""Small projects of commands, run by the stand-in and, where there is one, by the real `pulumi`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rehearsal.engine import Engine, Running, choose

# Every project's program begins so: `run` is a command that writes what it does to the file `log`.
HEAD = """
import pulumi
from pulumi import ResourceOptions as Options
from pulumi_command import local

config = pulumi.Config()


def run(name, *, say=None, opts=None, **more):
    say = say or name
    more = {"create": f"echo +{say} >> log; echo {say}", "delete": f"echo -{say} >> log", **more}
    return local.Command(name, opts=opts, **more)
"""


class Project:
    """A folder with a program, and the engine that runs it."""

    def __init__(self, folder: Path, engine: Callable[[Path], Engine]) -> None:
        self.folder = folder
        self.folder.mkdir()
        self._make = engine
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """Made when it is first needed, so that a test can put things into the folder before."""
        if self._engine is None:
            self._engine = self._make(self.folder)
        return self._engine

    def program(self, text: str, schema: str = "") -> Project:
        """Write the program, and the schema of its configuration."""
        (self.folder / "Pulumi.yaml").write_text(f"name: small\nruntime: python\n{schema}")
        (self.folder / "__main__.py").write_text(HEAD + text)
        return self

    def up(self, text: str, schema: str = "", *, ok: bool = True) -> Any:
        """Write the program and run an update, which must end as expected."""
        result = self.program(text, schema).engine.up()
        assert result.ok is ok, result.text
        return result

    def log(self) -> list[str]:
        """What the commands did since the last call, in order."""
        path = self.folder / "log"
        lines = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def held(self) -> list[str]:
        """Names of the commands that the state holds, sorted."""
        return sorted(item.name for item in self.engine.resources() if item.type.startswith("command:"))

    def start(self, text: str, *, until: str) -> Running:
        """Start an update, and return when a command has made the file `until`."""
        running = self.program(text).engine.start_up()
        for _ in range(1200):
            if (self.folder / until).exists():
                return running
            time.sleep(0.05)
        running.kill()
        raise AssertionError(running.wait().text)


def engine_for(kind: str, workdir: Path, environment: Mapping[str, str] | None = None) -> Callable[[Path], Engine]:
    """Makes the engine of one kind for a folder."""
    return lambda folder: choose(folder, "dev", workdir, environment or {}, stand_in=kind == "stand-in")
