"""Repositories of git's for tests, whose commands know nothing of the developer's own settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Repository:
    """A checkout in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def begun(cls, folder: Path) -> Repository:
        """A new one, without a commit."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder)
        made.git("init", "-q")
        return made

    def git(self, *arguments: str) -> str:
        """A command in it; what it prints."""
        identity = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "protocol.file.allow=always",
            "-c",
            "advice.detachedHead=false",
        ]
        return subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
        ).stdout.strip()

    def write(self, path: str, content: str | bytes, *, executable: bool = False) -> Path:
        """A file of it, not yet committed."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o755 if executable else 0o644)
        return file

    def commit(self, subject: str = "A change") -> str:
        """Everything in it; the commit's name."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")
