"""What a run leaves for docs/evidence.md: a small file that says what ran, on which cloud and engine, and what held.

`python tools/evidence.py RECORD` takes it into docs/evidence/ and into the page. Where it was seen is never written: it
follows from what ran.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

LOCAL, AWS = "local", "AWS"
"""The clouds: the one of this machine, and a real account."""
STAND_IN, REAL_ENGINE, REAL_AWS = "local stand-in", "local real engine", "real AWS"
PLACES = (STAND_IN, REAL_ENGINE, REAL_AWS)
"""From the kindest to the real one."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run. `date` is ISO 8601, UTC; `commit` the project's, with `+` behind it where files were changed since.

    `held`: stages of the scenario, or tests, that did what they say. `figures`: by name, with its unit in the name.
    """

    cloud: str
    engine: str
    aws_plugin: str
    packer: str
    servers: str
    region: str
    date: str
    commit: str
    held: tuple[str, ...]
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it was seen. Nothing that a stand-in of an engine did was seen on AWS, whatever the cloud."""
        if not self.engine.startswith("pulumi "):
            return STAND_IN
        return REAL_AWS if self.cloud == AWS else REAL_ENGINE

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        return path


def read(path: Path) -> Record:
    """The record that `write` wrote. Raises ValueError, with the file's name, for anything else."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        record = Record(**{**said, "held": tuple(said["held"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no record of a run: {error}") from error
    if record.cloud not in (LOCAL, AWS):
        raise ValueError(f"{path} is no record of a run: its cloud is {record.cloud!r}, neither {LOCAL} nor {AWS}")
    return record


def commit(project: Path) -> str:
    """The commit that a run is of, short, with `+` behind it when files were changed since; empty without git."""
    git = ["git", "-C", str(project), "-c", "core.fsmonitor=false"]
    try:
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.strip() + ("+" if changed.strip() else "")
