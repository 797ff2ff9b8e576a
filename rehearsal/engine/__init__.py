"""Runs the project's program: by the real `pulumi` where it is on PATH, else by the stand-in for it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.engine.config import flatten
from rehearsal.engine.model import Engine, OnLine, Operation, Result, Running, StateResource
from rehearsal.engine.real import RealEngine
from rehearsal.engine.stand_in import StandIn

__all__ = ["Engine", "OnLine", "Operation", "RealEngine", "Result", "Running", "StandIn", "StateResource", "choose"]


def choose(
    project_dir: Path,
    stack: str,
    workdir: Path,
    environment: Mapping[str, str],
    config: Mapping[str, Any] | None = None,
    *,
    secrets: Mapping[str, str] | None = None,
    stand_in: bool | None = None,
) -> Engine:
    """The engine for one stack of the project in `project_dir`, with its configuration set.

    `workdir` keeps state and logs. `environment` comes on top of this process's own, from which everything of AWS's
    and Pulumi's was taken away, so that nothing reaches a real account. `config` may hold texts, numbers, booleans,
    lists and mappings. `stand_in` forces one of the two engines.
    """
    pulumi = None if stand_in else shutil.which("pulumi", path=environment.get("PATH"))
    if stand_in is False and pulumi is None:
        raise FileNotFoundError("there is no `pulumi` on PATH")
    made: Engine = (
        RealEngine(project_dir, stack, workdir, environment, pulumi)
        if pulumi
        else StandIn(project_dir, stack, workdir, environment)
    )
    for key, value in (config or {}).items():
        for path, text in flatten(key, value):
            made.config_set(path, text, path=path != key)
    for key, value in (secrets or {}).items():
        made.config_set(key, value, secret=True)
    return made
