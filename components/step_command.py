"""How the program runs a step of an update: as a command that the engine orders among the resources.

Each rule here was seen to matter on the real engine:
- the command is a constant relative to the project, since any changed input runs it again, and since a recorded
  `delete` may run on another machine;
- `update` does nothing, so only `triggers` run a step again;
- `; exit $?` keeps the shell as the step's parent, so that a step notices when an interrupted update kills it;
- nothing secret is in `environment`: it is stored in the state in plain text;
- a command inherits the engine's environment: what a step reads there is given, or named as not given.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_command as command

from core.names import OPTIONS_VARIABLE
from core.session import FILES
from plan.readers.live_state import Account

ROOT = Path(__file__).resolve().parents[1]
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
# Both are in the state of whoever uses the package: these words stay.
LAUNCHER = ".phoenix/run"
AWAY = "This machine has not previewed the program yet, and knows no way to its steps. Do: pulumi preview"


def step_runner(project: Path) -> str:
    """What runs a step from the project's folder: the same words on every machine.

    A program of another folder says where it is itself: paths and commands of its settings mean its own folder. When
    neither folder is within the other (a package stands among Pulumi's plugins, below its version), `.phoenix/run` in
    the project leads to the steps of today, also a deletion that an older version recorded.
    """
    project = project.resolve()
    if project == ROOT:
        return "sh steps/run"
    path = os.path.relpath(ROOT / "steps" / "run", project)
    if not project.is_relative_to(ROOT) and not ROOT.is_relative_to(project):
        _launcher(project)
        return f'[ -e {LAUNCHER} ] || echo "{AWAY}" >&2; PHOENIX_PROJECT="$PWD" sh {LAUNCHER}'
    return f'PHOENIX_PROJECT="$PWD" sh {shlex.quote(path)}'


def _launcher(project: Path) -> None:
    """Writes the project's way to the steps, which git does not see."""
    folder = (project / LAUNCHER).parent
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    made = folder / f"run-{os.getpid()}"
    made.write_text(f'exec sh {shlex.quote(str(ROOT / "steps" / "run"))} "$@"\n')
    # Whole or not at all: another service's step may read it now.
    made.replace(project / LAUNCHER)


def _alone(options: Collection[str]) -> dict[str, str]:
    """What keeps variables out that the engine's environment happens to have, by the names of a step's own."""
    return {OPTIONS_VARIABLE: " ".join(sorted(options)), "PHOENIX_PROJECT": ""}


def _identity(account: Account) -> dict[str, str]:
    """The provider's identity. Tools take credentials of the environment before a profile's, the provider does not."""
    files = {FILES["credentials_file"]: account.credentials_file, FILES["config_file"]: account.config_file}
    return {
        **({"AWS_PROFILE": account.profile, **dict.fromkeys(CREDENTIALS, "")} if account.profile else {}),
        **{name: path for name, path in files.items() if path},
    }


def step_command(
    name: str,
    *,
    run: str,
    account: Account,
    environment: Mapping[str, pulumi.Input[str]],
    triggers: Sequence[Any],
    opts: pulumi.ResourceOptions,
    on_delete: bool = False,
) -> command.local.Command:
    """A command that runs the step `run` when it is created (or, `on_delete`, when it is deleted).

    `environment` is keyed as the step's options are (`target_group` is `--target-group`).
    """
    line = f"{step_runner(Path.cwd())} {run}; exit $?"
    given = {"account": account.id, "region": account.region, **environment}
    variables: dict[str, pulumi.Input[str]] = {
        **{f"PHOENIX_{key.upper()}": value for key, value in given.items()},
        **_alone(given),
        **_identity(account),
    }
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
