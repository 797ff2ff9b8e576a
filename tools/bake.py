"""Bakes (or copies) and inspects the image that a stack's settings and the files here ask for, and launches nothing.

`python -m tools.bake STACK` (`make bake STACK=dev`). The next update finds it by its fingerprint, also one of another
stack of the service, and also once the commit is merged: what decides is what is in the files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.image import ImageArgs
from core.aws import error_reason
from core.errors import UserError
from core.names import OPTIONS_VARIABLE
from plan import image_origin
from plan.config.parsing import parse_without_token
from plan.config.settings import Settings
from plan.readers.live_state import Account
from plan.readers.reads import Reads
from tools.history import HistoryError, pulumi
from tools.stack_identity import StackIdentity, identify, project_name

FOLDER = Path(__file__).resolve().parents[1]
SUBNET = "PHOENIX_SUBNET_ID"
# Whoever starts it may say who he is: the image's tag has it, and the plan that finds the image.
BAKED_BY = "PHOENIX_BAKED_BY"


def read_settings(stack: str, config: Mapping[str, Any], *, project: str) -> Settings:
    """As the program reads them, of what Pulumi shows. Raises SettingsError with every problem at once."""
    shown = {key: _text(one) for key, one in config.items() if not one.get("secret")}
    values = {key.partition(":")[2]: text for key, text in shown.items() if key.startswith(f"{project}:")}
    aws = {key.partition(":")[2]: text for key, text in shown.items() if key.startswith("aws:")}
    return parse_without_token(values, stack=stack, aws=aws)


def _text(one: Mapping[str, Any]) -> str:
    return json.dumps(one["objectValue"]) if "objectValue" in one else str(one.get("value", ""))


def recorded_subnet(state: Mapping[str, Any]) -> str:
    """Where the stack's last bake had its build instance; empty when the state knows of none."""
    resources = (state.get("deployment") or {}).get("resources") or ()
    found = [(one.get("inputs") or {}).get("environment", {}).get(SUBNET) for one in resources]
    return next((str(one) for one in reversed(found) if one), "")


def step_environment(where: StackIdentity, image: ImageArgs, *, subnet: str) -> dict[str, str]:
    """The step's options, as the program gives them."""
    given = {
        "account": where.account,
        "region": where.region,
        "stack": where.identity,
        "service": where.service,
        **image.environment(subnet),
        **({"baked_by": os.environ.get(BAKED_BY, "")} if image.step == "bake" else {}),
    }
    return {
        **{f"PHOENIX_{key.upper()}": str(value) for key, value in given.items()},
        OPTIONS_VARIABLE: " ".join(sorted(given)),
        "PHOENIX_PROJECT": "",
    }


def main(stack: str) -> int:
    """The step's exit code; 1 and the reason when it does not begin."""
    try:
        config = pulumi("config", "--stack", stack)
        where = identify(stack, config)
        settings = read_settings(where.identity.rpartition("/")[2], config, project=project_name())
        source = image_origin.find_image_source(
            Reads(where.session), settings, Account(where.account, where.region), FOLDER, now=datetime.now(UTC)
        )
        if source.problems:
            raise UserError(*source.problems)
        state = pulumi("stack", "export", "--stack", stack, as_json=False)
    except (HistoryError, UserError) as error:
        print(error, file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"AWS could not be asked: {error_reason(error)}\nDo: aws sts get-caller-identity", file=sys.stderr)
        return 1
    image = ImageArgs.wanted(settings, source)
    subnet = recorded_subnet(state) or next(iter(settings.alb_subnet_ids), "")
    print(f"image of {where.identity}: {source.description}", file=sys.stderr)
    return subprocess.run(
        ["sh", "steps/run", image.step],
        check=False,
        env={**os.environ, **where.variables, **step_environment(where, image, subnet=subnet)},
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["dev"]))
