"""A copy of the project to rehearse in: its own git history, so that the scenario's changes touch nothing of yours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from core import image_base
from rehearsal import PROJECT
from rehearsal.engine.standin import stack_yaml

PROGRAM = ("components", "plan", "core", "steps")
REQUIREMENTS = ("requirements.txt", "requirements.lock.txt")
NEEDED = ("Pulumi.yaml", "Pulumi.local.yaml", "__main__.py", *REQUIREMENTS, *PROGRAM, "image")
LOG_COLLECTOR = "60-log-collector.sh"
APP = "apps/rehearsed"


class ProjectCopy:
    """The project in `folder`, committed; `commit` records a change as a team would.

    `app`: an application's folder (core/image_base.py), which the stack's `imageDir` is to name; it stands at `APP`.
    """

    def __init__(self, folder: Path, *, app: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for name in NEEDED:
            if (PROJECT / name).is_dir():
                shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".packer"))
            else:
                shutil.copy2(PROJECT / name, folder / name)
        if app:
            shutil.copytree(app, folder / APP, ignore=shutil.ignore_patterns("__pycache__"))
            (folder / APP / image_base.BASE).write_text("../../image\n", encoding="utf-8")
        for name in (".gitattributes", ".gitignore"):
            shutil.copy2(PROJECT / name, folder / name)
        forget_secrets(folder / "Pulumi.local.yaml")
        self._git("init", "--quiet")
        self.commit("The project as it is")

    def clone(self, folder: Path) -> ProjectCopy:
        """What is committed, with its history, in another folder."""
        self._git("clone", "--quiet", ".", str(folder.resolve()))
        made = object.__new__(ProjectCopy)
        made.folder = folder
        return made

    def add_log_collector(self) -> str:
        """The scenario's change, not committed yet: log collection becomes one script more. Returns its path."""
        target = self.folder / "image" / "provision" / LOG_COLLECTOR
        shutil.copy2(self.folder / "image" / "optional" / LOG_COLLECTOR, target)
        return str(target.relative_to(self.folder))

    def revert(self) -> None:
        """Takes the last change back, as `git revert` does."""
        self._git("revert", "--no-edit", "HEAD")

    def head(self) -> str:
        """The last commit."""
        return self._git("rev-parse", "HEAD").strip()

    def check_out(self, commit: str) -> None:
        """Another commit's files, as a pipeline that is run again has them; what was not committed is committed."""
        self.commit("What was not committed yet")
        self._git("checkout", "--quiet", commit)

    def revert_to(self, commit: str) -> None:
        """Takes everything back that came after a commit, as one more commit: a pull request's revert."""
        self.commit("What was not committed yet")
        self._git("read-tree", "-u", "--reset", commit)
        self.commit("Revert everything")

    def commit(self, message: str) -> None:
        """Records everything in the folder."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)

    def _git(self, *command: str) -> str:
        return subprocess.run(
            [
                "git",
                "-c",
                "user.name=rehearsal",
                "-c",
                "user.email=rehearsal@localhost",
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
                *command,
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def forget_secrets(file: Path) -> None:
    """Takes out of a stack's file what only its owner's passphrase opens: what `config set --secret` has written."""
    settings = stack_yaml.load(file.read_text())
    if settings.keys() == {"config"}:
        return
    config = {
        key: value
        for key, value in settings["config"].items()
        if not (isinstance(value, dict) and value.keys() == {"secure"})
    }
    file.write_text(stack_yaml.dump({"config": config}))
