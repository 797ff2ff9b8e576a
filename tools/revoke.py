"""Revokes a fingerprint in the account and region of a stack, or takes that back: the step `revoke`, filled in.

`python -m tools.revoke STACK FINGERPRINT [REASON]` (`make revoke FINGERPRINT=... STACK=dev`); UNDO=true in the
environment takes it back.
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


def arguments(
    stack: str, said: Mapping[str, Any], *, account: str, fingerprint: str, reason: str, undo: str
) -> list[str]:
    """Of the step; `said` is what pulumi shows of the stack's configuration."""
    service = _value(said, "phoenix:service") or "phoenix"
    given = {
        "stack": f"{service}/{stack}",
        "account": account,
        "region": _value(said, "aws:region") or os.environ.get("AWS_REGION", ""),
        "service": service,
        "fingerprint": fingerprint,
        "reason": reason,
        "undo": undo or "false",
    }
    return [part for key, value in given.items() for part in (f"--{key}", value)]


def _value(said: Mapping[str, Any], key: str) -> str:
    return str(said.get(key, {}).get("value", ""))


def main(stack: str, fingerprint: str, reason: str = "") -> int:
    """The step's exit code; 1 and the reason when it does not begin."""
    try:
        said = pulumi("config", "--stack", stack)
        aws = {key.partition(":")[2]: _value(said, key) for key in said if key.startswith("aws:")}
        who = provider_identity(aws)
        found = session.connect(region=aws.get("region", ""), **who)
        account = found.client("sts").get_caller_identity()["Account"]
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(
            f"AWS does not say whose credentials these are: {error}\nDo: aws sts get-caller-identity", file=sys.stderr
        )
        return 1
    given = arguments(
        stack, said, account=account, fingerprint=fingerprint, reason=reason, undo=os.environ.get("UNDO", "")
    )
    variables = {
        "AWS_PROFILE": who["profile"],
        "AWS_SHARED_CREDENTIALS_FILE": who["credentials_file"],
        "AWS_CONFIG_FILE": who["config_file"],
    }
    line = ["sh", "steps/run", "revoke", *given]
    return subprocess.run(
        line, check=False, env={**os.environ, **{key: value for key, value in variables.items() if value}}
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
