"""Takes an AWS role by the token of a CI job, and prints what a shell is to export: credentials, and when they end.

`python -m tools.web_identity ROLE SECONDS NAME` with the token in AWS_ID_TOKEN; NAME is the session's, as CloudTrail
shows it. Where CI has nothing of its own for that (GitHub has): `credentials=$(...)`, then `eval "$credentials"`, and
nobody needs the token any more. The end is what promote asks for before it begins (core/credentials.py).
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.aws import error_reason
from core.times import iso

TOKEN = "AWS_ID_TOKEN"


def exports(credentials: Mapping[str, Any]) -> str:
    """Lines for a shell, of what STS has answered."""
    said = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": iso(credentials["Expiration"]),
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in said.items())


def session_name(text: str) -> str:
    """Of what STS takes for one: up to 64 letters, digits and `=,.@_-`."""
    return re.sub(r"[^\w=,.@-]+", "-", text, flags=re.ASCII)[:64]


def main(role: str, seconds: str, name: str) -> int:
    """0, or 1 and the reason when AWS gives no credentials."""
    token = os.environ.get(TOKEN, "")
    if not token:
        print(f"{TOKEN} is not set.\nDo: give the job an id_token of that name (docs/gitlab.md)", file=sys.stderr)
        return 1
    # Nobody signs the call: the token says who asks.
    sts = boto3.client("sts", config=Config(signature_version=UNSIGNED))
    try:
        answer = sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName=session_name(name), WebIdentityToken=token, DurationSeconds=int(seconds)
        )
    except (BotoCoreError, ClientError) as error:
        print(
            f"AWS does not give this job the role {role}: {error_reason(error)}\n"
            "Do: compare the role's trust with the token's subject (docs/iam/README.md), and the role's maximum session"
            f" duration with {seconds} s",
            file=sys.stderr,
        )
        return 1
    print(exports(answer["Credentials"]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
