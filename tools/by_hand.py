"""Runs one step by hand, with the options that the last update of a stack gave it: nobody types an ARN.

`python -m tools.by_hand STEP STACK [--option value ...]` (`make step NAME=verify STACK=dev ARGS='--color blue'`).
Options that are typed win. A step that no update runs (packages, scan, attest) is told whose stack it is about.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from core.names import OPTIONS_VARIABLE
from steps.registry import module_of
from steps.runtime.options import CommonOptions
from tools.history import HistoryError, pulumi
from tools.stack_identity import StackIdentity, read_identity
from tools.stack_step import identity_options


def recorded_options(step: str, state: Mapping[str, Any], *, identity: str) -> dict[str, str]:
    """What the last update gave this step for SERVICE/STACK, by the names of its options; empty: it ran none.

    `state` is what `pulumi stack export` prints. Of two commands (a group that leaves has one too) the active group's
    counts, which the program declares first: what is on its way out comes behind, or is marked `delete`.
    """
    for one in (state.get("deployment") or {}).get("resources") or ():
        inputs = one.get("inputs") or {}
        lines = (str(inputs.get(key) or "") for key in ("create", "delete"))
        if one.get("delete") or not any(re.search(rf" {step}; exit", line) for line in lines):
            continue
        said = inputs.get("environment") or {}
        given = {name: str(said.get(f"PHOENIX_{name.upper()}", "")) for name in said.get(OPTIONS_VARIABLE, "").split()}
        if given.get("stack") == identity:
            return given
    return {}


def options_of(step: str, where: StackIdentity) -> dict[str, str]:
    """Of a step that no update has run: whose stack it is about, as far as it asks."""
    kind: type[CommonOptions] = importlib.import_module(module_of(step)).Options
    asked = {field.name for field in fields(kind)}
    return {name: value for name, value in identity_options(where).items() if name in asked}


def main(step: str, stack: str, *typed: str) -> int:
    """The step's exit code; 1 and the reason when it does not begin."""
    try:
        module_of(step)
    except ValueError:
        return subprocess.run(["sh", "steps/run", step], check=False).returncode  # it says which there are
    try:
        where = read_identity(stack)
        state = pulumi("stack", "export", "--stack", stack, as_json=False)
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    given = recorded_options(step, state, identity=where.identity)
    filled = given or options_of(step, where)
    words = [word for name, value in filled.items() for word in (f"--{name.replace('_', '-')}", value)]
    line = ["sh", "steps/run", step, *words, *typed]
    print(
        f"{'as the last update did' if given else 'no update of this stack runs it'}: {shlex.join(line)}",
        file=sys.stderr,
    )
    return subprocess.run(line, check=False, env={**os.environ, **where.variables}).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
