"""Stand-ins of command-line tools: each records how it was called, and answers as a test says."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from rehearsal import PROJECT

# What a command in the background of a shell starts as: `sh` hands the ignored signals on to it.
IGNORING = ("sh", "-c", 'trap "" INT QUIT TERM; exec "$@"', "sh")
SYSTEM = ("sh", "chmod", "dirname", "grep", "head", "install", "mkdir", "mktemp", "rm", "sed", "wc")


class Bench:
    """A folder that is all of PATH: tools of the system, and stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.bin, self._log = folder / "bin", folder / "calls"
        self.bin.mkdir(parents=True)
        for name in SYSTEM:
            if found := shutil.which(name):
                (self.bin / name).symlink_to(found)

    def stand_in(self, name: str, script: str = "") -> None:
        """A tool that records its arguments and then does what `script` says."""
        file = self.bin / name
        file.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> {shlex.quote(str(self._log))}\n{script}\n')
        file.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if key in ("HOME", "TMPDIR", "LANG")}
        return subprocess.run(
            list(command),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**kept, "PATH": str(self.bin), **environment},
        )
