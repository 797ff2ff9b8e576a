"""A bake by its parts, and its floor: the same packages, installed in a chroot of the same base image."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core import image_files
from core.fingerprint import fingerprint
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine.config import environment as cleaned
from rehearsal.servers.container.container import Container, Spec
from rehearsal.servers.disks import make_empty_folder
from rehearsal.servers.images import debootstrap
from rehearsal.servers.runs import Run

BASE = "debian-12"
_BEGINS = {
    r"bakes \S+ from": "Packer begins",
    r"Launching a source AWS instance": "boot, to the first word by SSH",
    r"Connected to SSH": "upload",
    r"Creating AMI \S+ from": "image",
}
"""What is told when a part begins, and what the part is called."""
# Of a script its end is told; the first one's seconds have the upload in them.
_SCRIPT_ENDS = re.compile(r"packer: (\w+/[\w-]+\.sh|image/packages\.sh): \d+ s")
_INSTALL = """
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"
printf '#!/bin/sh\\nexit 101\\n' >"$1/usr/sbin/policy-rc.d" && chmod 0755 "$1/usr/sbin/policy-rc.d"
chroot "$1" apt-get -qq update && chroot "$1" apt-get -qq -y full-upgrade
shift_to=$1; shift
chroot "$shift_to" apt-get -qq -y --no-install-recommends install "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Bake:
    """`parts` are seconds by what was done, in order; `said` is what the step said."""

    image: str
    seconds: float
    parts: list[tuple[str, float]]
    said: str = ""

    @property
    def apart(self) -> float:
        """Seconds of what is no script: the starts of step and Packer, boot, stop, image."""
        return sum(seconds for name, seconds in self.parts if "/" not in name)


def bake(cloud: Cloud, service: str, *, base_image: str = BASE) -> Bake:
    """One run of the step. Raises SystemExit with what it said when it failed."""
    asked = {
        "stack": f"{service}/bench",
        "account": cloud.account,
        "region": cloud.region,
        "service": service,
        "base_image": base_image,
        "fingerprint": fingerprint(
            image_files.read_image_files(PROJECT / "image"), base_image=base_image, architecture="x86_64", variables={}
        ),
    }
    told = {f"PHOENIX_{key.upper()}": value for key, value in asked.items()}
    begun = time.monotonic()
    process = subprocess.Popen(
        ["sh", "steps/run", "bake"],
        cwd=PROJECT,
        env={**cleaned(cloud.environment), **told},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    lines = [(time.monotonic() - begun, line) for line in process.stderr]
    answer = process.stdout.read()
    seconds = time.monotonic() - begun
    if process.wait() != 0:
        raise SystemExit("".join(line for _, line in lines)[-3000:])
    parts = list(parts_of(lines, seconds))
    return Bake(
        image=str(json.loads(answer)["image"]), seconds=seconds, parts=parts, said="".join(line for _, line in lines)
    )


def parts_of(lines: Iterable[tuple[float, str]], seconds: float) -> Iterator[tuple[str, float]]:
    """What a bake of so many seconds did, and how long, by what was told at which second of it. Pure."""
    since, name = 0.0, "the step begins"
    for at, line in lines:
        if ended := _SCRIPT_ENDS.search(line):
            yield ended[1], at - since
            since, name = at, "stop"
        elif begun := next((part for pattern, part in _BEGINS.items() if re.search(pattern, line)), None):
            yield name, at - since
            since, name = at, begun
    yield name, seconds - since


def listed(root: Path) -> set[str]:
    """Names of the packages that a tree has."""
    done = subprocess.run(
        ["dpkg-query", "--admindir", str(root / "var/lib/dpkg"), "--show", "--showformat", "${Package}\\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def floor(run: Run, root: Path, packages: list[str]) -> float:
    """Seconds for the bare installation."""
    with (
        tempfile.TemporaryDirectory(dir=run.folder) as work,
        debootstrap.serve_archive(debootstrap.archive_folder()) as proxy,
    ):
        folder = make_empty_folder(Path(work) / "disk")
        merged, log = str(folder / "merged"), Path(work) / "log"
        command = ["env", f"http_proxy={proxy}", "sh", "-ec", _INSTALL, "floor", merged, *packages]
        begun = time.monotonic()
        container = Container(
            Spec(
                lower=[str(root)],
                upper=str(folder / "upper"),
                work=str(folder / "work"),
                merged=merged,
                command=command,
                console=str(log),
                network=False,
            )
        )
        if container.wait() != 0:
            raise SystemExit(log.read_text()[-3000:])
        return time.monotonic() - begun
