"""Runs a step on what a stack has in AWS, filled in with its service, account and region.

`python -m tools.stack_step STEP STACK [--option value ...]` (`make revoke`, `make delete-images`).
"""

from __future__ import annotations

import os
import subprocess
import sys

from tools.history import HistoryError
from tools.stack_identity import StackIdentity, read_identity

# Those that are about a service's images; to the others the stack's name says enough.
OF_A_SERVICE = ("delete_images", "revoke")


def identity_options(where: StackIdentity) -> dict[str, str]:
    """Which stack a step is about."""
    return {
        "stack": where.identity,
        "account": where.account,
        "region": where.region,
        "service": where.service,
    }


def arguments(step: str, where: StackIdentity) -> list[str]:
    """The same as words of a command, as far as the step asks for it."""
    given = identity_options(where)
    if step not in OF_A_SERVICE:
        del given["service"]
    return [part for key, value in given.items() for part in (f"--{key}", value)]


def main(step: str, stack: str, *options: str) -> int:
    """The step's exit code; 1 and the reason when it does not begin."""
    try:
        where = read_identity(stack)
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    line = ["sh", "steps/run", step, *arguments(step, where), *options]
    return subprocess.run(line, check=False, env={**os.environ, **where.variables}).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
