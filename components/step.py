"""How the program runs a step of an update: as a command that the engine orders among the resources.

Each rule here was seen to matter on the real engine:
- the command is a constant relative to the project, since any changed input runs it again, and since a recorded
  `delete` may run on another machine;
- `update` does nothing, so only `triggers` run a step again;
- `; exit $?` keeps the shell as the step's parent, so that a step notices when an interrupted update kills it;
- nothing secret is in `environment`: it is stored in the state in plain text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_command as command

from components.live import Account


def step(
    name: str,
    *,
    run: str,
    account: Account,
    environment: Mapping[str, pulumi.Input[str]],
    triggers: Sequence[Any],
    opts: pulumi.ResourceOptions,
    on_delete: bool = False,
) -> command.local.Command:
    """A command that runs `sh steps/run RUN` when it is created (or, `on_delete`, when it is deleted).

    `environment` is keyed as the step's options are (`target_group` is `--target-group`).
    """
    line = f"sh steps/run {run}; exit $?"
    given = {"account": account.id, "region": account.region, **environment}
    variables: dict[str, pulumi.Input[str]] = {f"PHOENIX_{key.upper()}": value for key, value in given.items()}
    if account.profile:
        variables["AWS_PROFILE"] = account.profile
    return command.local.Command(
        name,
        create=":" if on_delete else line,
        update=":",
        delete=line if on_delete else None,
        environment=variables,
        triggers=list(triggers),
        logging=command.local.Logging.STDERR,
        add_previous_output_in_env=False,
        opts=opts,
    )
