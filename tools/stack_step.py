"""Runs a step on what a stack has in AWS, filled in with its service, account and region.

`python -m tools.stack_step STEP STACK [--option value ...]` (`make revoke`, `make delete-images`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from core import session
from plan.config.provider import provider_identity
from tools.history import HistoryError, pulumi


def arguments(stack: str, config: Mapping[str, Any], *, account: str) -> list[str]:
    """What each step is told; `config` is what pulumi shows of the stack's configuration."""
    service = _value(config, "phoenix:service") or "phoenix"
    given = {
        "stack": f"{service}/{stack}",
        "account": account,
        "region": _value(config, "aws:region") or os.environ.get("AWS_REGION", ""),
        "service": service,
    }
    return [part for key, value in given.items() for part in (f"--{key}", value)]


def _value(config: Mapping[str, Any], key: str) -> str:
    return str(config.get(key, {}).get("value", ""))


def main(step: str, stack: str, *options: str) -> int:
    """The step's exit code; 1 and the reason when it does not begin."""
    try:
        config = pulumi("config", "--stack", stack)
        aws = {key.partition(":")[2]: _value(config, key) for key in config if key.startswith("aws:")}
        who = provider_identity(aws)
        connection = session.connect(region=aws.get("region", ""), **who)
        account = connection.client("sts").get_caller_identity()["Account"]
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(
            f"AWS does not say whose credentials these are: {error}\nDo: aws sts get-caller-identity", file=sys.stderr
        )
        return 1
    variables = {
        "AWS_PROFILE": who["profile"],
        "AWS_SHARED_CREDENTIALS_FILE": who["credentials_file"],
        "AWS_CONFIG_FILE": who["config_file"],
    }
    return subprocess.run(
        ["sh", "steps/run", step, *arguments(stack, config, account=account), *options],
        check=False,
        env={**os.environ, **{key: value for key, value in variables.items() if value}},
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
