"""What a program of this kind is made of. Its libraries are looked for first: what is missing is one message."""

import sys
from importlib.util import find_spec

import pulumi

from core.errors import Problem

_MISSING = [name for name in ("boto3", "pulumi_aws", "pulumi_command") if find_spec(name) is None]
if _MISSING:
    raise pulumi.RunError(
        str(
            Problem(
                "PHX-163",
                f"{sys.executable} does not have {', '.join(_MISSING)}",
                "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
            )
        )
    )
