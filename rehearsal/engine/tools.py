"""Which tools an engine runs: its AWS plugin, Pulumi's own or something in its place, and Packer."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

PROGRAM = "pulumi-resource-aws"
SCRIPT = b"#!"


def aws_plugin(environment: Mapping[str, str]) -> str:
    """The plugin that Pulumi takes with this environment, as one looks for it there.

    One on PATH goes before any other (pulumi/pulumi, sdk/go/common/workspace/plugins.go, getPluginInfoAndPath), unless
    PULUMI_IGNORE_AMBIENT_PLUGINS is set. Pulumi's own is a program for the processor: a script is a stand-in for it.
    """
    ignored = environment.get("PULUMI_IGNORE_AMBIENT_PLUGINS", "").lower() in ("true", "1")
    found = None if ignored else shutil.which(PROGRAM, path=environment.get("PATH"))
    if found:
        return _stand_in(Path(found)) or "one on PATH, whose version Pulumi did not choose"
    wanted = version("pulumi-aws")
    given = environment.get("PULUMI_HOME")
    home = Path(given) if given else Path(environment.get("HOME") or Path.home()) / ".pulumi"
    installed = home / "plugins" / f"resource-aws-v{wanted}" / PROGRAM
    return (_stand_in(installed) if installed.exists() else "") or wanted


def _stand_in(program: Path) -> str:
    with program.open("rb") as file:
        return "a stand-in (script)" if file.read(len(SCRIPT)) == SCRIPT else ""


def packer(environment: Mapping[str, str]) -> str:
    """The Packer on an environment's PATH: its version, or that there is none, or a stand-in."""
    program = shutil.which("packer", path=environment.get("PATH"))
    if program is None:
        return "none"
    said = subprocess.run(
        [program, "version"],
        env={**environment, "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    ).stdout
    found = re.search(r"^Packer v([0-9.]+)", said, re.MULTILINE)
    if "stand-in" in said or found is None:
        return "a stand-in for it (scripts are named, not run)"
    return found[1]
