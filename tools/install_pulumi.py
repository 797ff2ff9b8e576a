"""Installs the Pulumi CLI that belongs to the pinned SDK, by the SDK's own installer, into .pulumi/ of the project."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from pulumi.automation import PulumiCommand

FOLDER = Path(__file__).resolve().parents[1] / ".pulumi"


def main() -> int:
    """0 when `.pulumi/bin/pulumi` is there, 1 when it could not be had."""
    wanted = version("pulumi")
    print(f"installing Pulumi {wanted} into {FOLDER}", flush=True)
    try:
        command = PulumiCommand.install(root=str(FOLDER))
    except Exception as error:  # the installer raises what its download raised
        print(f"Pulumi could not be installed: {error}\n"
              "It comes from get.pulumi.com: check the network and proxy (https_proxy), and run `make pulumi` again.\n"
              f"Or install {wanted} by hand: https://www.pulumi.com/docs/iac/download-install/", file=sys.stderr)
        return 1
    print(f"{command.command} is {command.version}; put it on PATH:\n  export PATH=\"{FOLDER}/bin:$PATH\"")
    return 0


if __name__ == "__main__":
    sys.exit(main())
