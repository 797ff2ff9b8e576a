"""Steps of a bake, run as an update runs them, on a cloud in which nothing takes long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import image_files
from core.fingerprint import fingerprint
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud

TOOLS = PROJECT / "rehearsal" / "servers" / "packer" / "stand_in_bin"


def image(mark: str = "", *, folder: Path = PROJECT / "image", base_image: str = "debian-12") -> dict[str, str]:
    """The options of a bake that say which image it is, of a folder as it is now; another `mark`, another image."""
    variables = {"log_target": f"{mark}.example.com:24224"} if mark else {}
    return {
        "image_dir": str(folder),
        "base_image": base_image,
        "packer_variables": json.dumps(variables),
        "fingerprint": fingerprint(
            image_files.read_image_files(folder), base_image=base_image, architecture="x86_64", variables=variables
        ),
    }


def environment(cloud: Cloud, given: Mapping[str, str], *, tools: Path = TOOLS, **variables: str) -> dict[str, str]:
    """For a step of phoenix/dev with these options, a Packer from `tools`, and more variables."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PHOENIX_"))},
        **cloud.environment,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PHOENIX_PYTHON": sys.executable,
        **variables,
        "PHOENIX_STACK": "phoenix/dev",
        "PHOENIX_ACCOUNT": cloud.account,
        "PHOENIX_REGION": cloud.region,
        "PHOENIX_SERVICE": "phoenix",
        **{f"PHOENIX_{key.upper()}": value for key, value in given.items()},
    }


def run(
    cloud: Cloud, name: str, given: Mapping[str, str], *, tools: Path = TOOLS, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Such a step, until it has ended."""
    return subprocess.run(
        ["sh", "steps/run", name],
        cwd=PROJECT,
        env=environment(cloud, given, tools=tools, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def ended_well(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result
