"""Records which calls of AWS a bake makes, with the Packer on PATH and a real machine (as root on Linux):

    PYTHONPATH=. .venv/bin/python tools/record_packer.py [FILE]

It bakes twice with the template of image/ and scripts that do nothing: once to the end, and once with a script that
fails. Both are written to FILE (tests/support/packer_calls.json), against which tests hold docs/iam/packer.json and
the rehearsal's stand-in for Packer. Do it again when image/plugins.pkr.hcl pins another version.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from core import image_files
from core.fingerprint import fingerprint
from rehearsal.cloud.calls import OBSERVER_KEY, Call
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine.config import environment
from rehearsal.servers import choice, runs
from rehearsal.servers.images import debootstrap
from rehearsal.servers.packer import override
from steps.image import packer

PROJECT = Path(__file__).resolve().parents[1]
RECORD = PROJECT / "tests" / "support" / "packer_calls.json"
BASE = "debian-12"
KINDS = {
    "ami": "image",
    "snap": "snapshot",
    "i": "instance",
    "vol": "volume",
    "eni": "network-interface",
    "sg": "security-group",
    "key": "key-pair",
}
"""Types of resources, as policies write them, by how their ids begin."""


def of_packer(calls: Iterable[Call]) -> list[Call]:
    """Those of Packer, or of what plays it: the step says in its User-Agent who it is (`core/aws.py`)."""
    return [call for call in calls if call.access_key != OBSERVER_KEY and "phoenix" not in call.agent]


def summary(calls: Iterable[Call]) -> dict[str, dict[str, Any]]:
    """For each action which parameters it had, and which types of resources it tagged."""
    found: dict[str, dict[str, set[str]]] = {}
    for call in calls:
        fields = {name: values[0] for name, values in parse_qs(call.body).items() if name not in ("Action", "Version")}
        one = found.setdefault(f"{call.service}:{call.operation}", {"parameters": set(), "tags": set()})
        one["parameters"] |= {name.split(".")[0] for name in fields}
        for name, value in fields.items():
            if re.fullmatch(r"TagSpecification\.\d+\.ResourceType", name):
                one["tags"].add(value)
            elif call.operation == "CreateTags" and re.fullmatch(r"ResourceId\.\d+", name):
                one["tags"].add(KINDS[value.split("-")[0]])
    return {
        action: {key: sorted(values) for key, values in one.items() if values} for action, one in sorted(found.items())
    }


def bare(folder: Path, *, fails: bool) -> Path:
    """The project's template, with scripts that do nothing, or one that fails."""
    folder.mkdir()
    for file in (PROJECT / "image").glob("*.hcl"):
        shutil.copy(file, folder)
    scripts = {
        "provision/10-nothing.sh": "exit 1" if fails else "exit 0",
        "inspect/10-nothing.sh": "exit 0",
        "packages.sh": 'mkdir -p /etc/phoenix && echo "none 1" >"$PHOENIX_PACKAGES"',
        "provision/90-nothing.sh": "exit 0",
        "app/nothing": "",
    }
    for name, text in scripts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    return folder


def bake(cloud: Cloud, folder: Path) -> tuple[list[Call], str]:
    """One run of the step: Packer's calls, and what was said."""
    before = len(cloud.calls.seen)
    asked = {
        "stack": "phoenix/record",
        "account": cloud.account,
        "region": cloud.region,
        "service": "phoenix",
        "image_dir": str(folder),
        "base_image": BASE,
        "fingerprint": fingerprint(
            image_files.read_image_files(folder), base_image=BASE, architecture="x86_64", variables={}
        ),
    }
    done = subprocess.run(
        ["sh", "steps/run", "bake"],
        cwd=PROJECT,
        text=True,
        capture_output=True,
        check=False,
        env={**environment(cloud.environment), **{f"PHOENIX_{key.upper()}": value for key, value in asked.items()}},
    )
    return of_packer(cloud.calls.seen[before:]), done.stderr


def versions() -> dict[str, str]:
    """Of the Packer on PATH, and of the plugin, which it holds to its exact version."""
    plugin = re.search(r'^ *version *= *"([\d.]+)"', (PROJECT / "image" / "plugins.pkr.hcl").read_text(), re.MULTILINE)
    assert plugin is not None
    return {"packer": packer.dotted(override.real_packer()[1]), "plugin": plugin[1]}


def main(file: Path = RECORD) -> int:
    """0 when both bakes ended as they should."""
    chosen = choice.choose(choice.REAL, print, debootstrap.base_image_spec())
    with (
        runs.Run(runs.disks()) as run,
        tempfile.TemporaryDirectory() as work,
        Cloud(run.folder / "cloud", machines=choice.make_machines(chosen, run), boot_seconds=0) as cloud,
    ):
        well, said = bake(cloud, bare(Path(work) / "well", fails=False))
        badly, more = bake(cloud, bare(Path(work) / "badly", fails=True))
    if "is baked" not in said or "failed with exit code" not in more:
        print(said, more, file=sys.stderr)
        return 1
    record = {**versions(), "to the end": summary(well), "with a script that fails": summary(badly)}
    file.write_text(json.dumps(record, indent=2) + "\n")
    print(f"written: {file}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=RECORD)
    sys.exit(main(parser.parse_args().file))
