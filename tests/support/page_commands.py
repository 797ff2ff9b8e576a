"""The commands that a page tells to type, in a copy of the project where nothing reaches an account or a network.

What can run runs as it stands: a shell's own commands, this project's, and of Pulumi what only writes a stack's file.
Else a judge of the same name stands in: `make` says what it would do (`make -n`), `aws` asks AWS's description of the
operation whether it has these options, `pulumi up` and its like whether the CLI knows their flags; an environment of
Python's is made without libraries.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import botocore.session
import yaml  # type: ignore[import-untyped]  # it comes with pulumi
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from rehearsal import PROJECT

WRITES_A_FILE = ("config", "stack init", "stack select", "stack ls")
COMMANDS = re.compile(r"(?:pulumi|make|aws|gh|sh steps/run|openssl|cp|mkdir|git|cd|printf|python3|\.venv/bin/python) ")
GLOBAL = {"--region", "--profile", "--output", "--query"}
# Options that the AWS CLI renames (awscli/customizations/argrename.py), since it has one of that name itself.
RENAMED = {("sns", "subscribe"): {"--endpoint": "--notification-endpoint"}}


def blocks(page: Path, mark: str) -> list[str]:
    """The texts of a page's fenced blocks with this info string, in their order."""
    fences = re.findall(r"^ *```(.*)\n((?:.*\n)*?)^ *```$", page.read_text(), flags=re.MULTILINE)
    return [text for said, text in fences if said == mark]


def judge_aws(words: list[str]) -> str:
    """What is wrong with an `aws` command; empty: nothing. Options that a service asks for must all be there."""
    service, operation, *rest = words
    if (service, operation) == ("sso", "login"):
        return ""  # the CLI's own, no call of a service
    try:
        model = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(service, service))
    except UnknownServiceError:
        return f"aws has no service {service}"
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        return f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    assert shape is not None  # of what pages name, each takes something
    names_here = RENAMED.get((service, operation), {})
    known = {names_here.get(flag, flag) for flag in (f"--{xform_name(name, '-')}" for name in shape.members)}
    needed = {f"--{xform_name(name, '-')}" for name in shape.required_members}
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    if wrong := given - known - GLOBAL:
        return f"aws {service} {operation} has no {', '.join(sorted(wrong))}"
    missing = needed - given
    return f"aws {service} {operation} needs {', '.join(sorted(missing))}" if missing else ""


def judge_pulumi(real: str, words: list[str]) -> str:
    """What is wrong with a command of Pulumi's that is not run; empty: nothing."""
    parts = [word for word in words if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
    for length in range(min(3, len(parts)), 0, -1):
        said = subprocess.run([real, *parts[:length], "--help"], capture_output=True, text=True, check=False)
        if said.returncode == 0 and f"pulumi {' '.join(parts[:length])}" in said.stdout:
            flags = {word.partition("=")[0] for word in words if word.startswith("--")}
            unknown = sorted(flag for flag in flags if not re.search(rf"{flag}\b", said.stdout))
            return f"pulumi {' '.join(parts[:length])} has no {', '.join(unknown)}" if unknown else ""
    return f"pulumi has no {' '.join(parts[:1])}"


class Desk:
    """A folder with a copy of the project, its clean home, and PATH with the judges in front."""

    def __init__(self, folder: Path) -> None:
        self.project, self._bin, self._home = folder / "phoenix", folder / "bin", folder / "home"
        self.consumer = folder / "shop"  # a program of somebody else's, beside it
        self._pulumi = shutil.which("pulumi")
        for made in (self._bin, self._home, self.consumer):
            made.mkdir(parents=True)
        _copy(self.project)
        (self.project / ".venv").symlink_to(PROJECT / ".venv")
        judge = f"PYTHONPATH={shlex.quote(str(PROJECT))} exec {shlex.quote(sys.executable)} -m {__name__}"
        self._tool("make", f'exec {shutil.which("make")} -n "$@"')
        self._tool("gh", 'case "$1" in api) ;; *) echo "gh $1 is not looked at here" >&2; exit 1 ;; esac')
        pip = 'printf \'#!/bin/sh\\ntest -f "$3"\\n\' >"$3/bin/pip" && chmod +x "$3/bin/pip"'
        self._tool("python3", f'[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && {pip}')
        self._tool("aws", f'{judge} aws "$@"')
        if self._pulumi:
            runs = "\n".join(f'"{words}"*) exec {self._pulumi} "$@" ;;' for words in WRITES_A_FILE)
            self._tool("pulumi", f'case "$1 ${{2-}}" in\n{runs}\nesac\n{judge} {self._pulumi} "$@"')

    def _tool(self, name: str, script: str) -> None:
        file = self._bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def type(self, text: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
        """Each line as somebody types it; the first that fails ends it, also within a pipe."""
        kept = {key: value for key, value in os.environ.items() if key in ("TMPDIR", "LANG")}
        identity = {f"GIT_{who}_{what}": "you" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        pulumi = {
            "PULUMI_BACKEND_URL": f"file://{self._home}",
            "PULUMI_CONFIG_PASSPHRASE": "page",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=120,
            env={**kept, **identity, **pulumi, "HOME": str(self._home), "PATH": f"{self._bin}:{os.environ['PATH']}"},
        )

    def settings(self, stack: str) -> dict[str, object]:
        """What the stack's file says now, by keys without their project; secrets are left out."""
        file = self.project / f"Pulumi.{stack}.yaml"
        said = (yaml.safe_load(file.read_text()) or {}).get("config", {}) if file.exists() else {}
        return {key: value for key, value in said.items() if not (isinstance(value, dict) and "secure" in value)}


def _copy(to: Path) -> None:
    """What git would take of the working tree, as a repository of its own."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (source := PROJECT / name).exists() or source.is_symlink():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=to, check=True)


def main(tool: str, *words: str) -> int:
    wrong = judge_aws(list(words)) if tool == "aws" else judge_pulumi(tool, list(words))
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
