"""Installs the Pulumi CLI that belongs to the pinned SDK, by the SDK's own installer, into .pulumi/ of the project, and
with it the plugins of the pinned providers."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from pulumi.automation import PulumiCommand

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / ".pulumi"


def main() -> int:
    """0 when `.pulumi/bin/pulumi` and the plugins are there, 1 when they could not be had."""
    wanted = version("pulumi")
    print(f"installing Pulumi {wanted} into {FOLDER}", flush=True)
    try:
        command = PulumiCommand.install(root=str(FOLDER))
    except Exception as error:  # the installer raises what its download raised
        print(
            f"Pulumi could not be installed: {error}\n"
            "It comes from get.pulumi.com: check the network and proxy (https_proxy), and run `make pulumi` again.\n"
            f"Or install {wanted} by hand: https://www.pulumi.com/docs/iac/download-install/",
            file=sys.stderr,
        )
        return 1
    path = f"{FOLDER}/bin"
    print(f'{command.command} is {command.version}; put it on PATH:\n  export PATH="{path}:$PATH"', flush=True)
    return plugins(command.command, path)


def plugins(pulumi: str, path: str) -> int:
    """Has the CLI download the plugins of the providers that requirements.txt pins; it verifies what it downloads."""
    # The CLI asks the language host beside it which providers the program uses.
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([pulumi, "install", "--no-dependencies"], cwd=PROJECT, env=environment, check=False)
    if done.returncode != 0:
        print(
            "The providers' plugins could not be installed.\n"
            "They come from get.pulumi.com and github.com: check the network and proxy (https_proxy), and run"
            " `make pulumi` again.",
            file=sys.stderr,
        )
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
