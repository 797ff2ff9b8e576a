"""Which machines a rehearsal gets: real ones where this host can have them, processes elsewhere; and why."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rehearsal.servers import runs
from rehearsal.servers.container.container import Container, ContainerError, Spec
from rehearsal.servers.disks import make_empty_folder
from rehearsal.servers.images import debootstrap
from rehearsal.servers.images.debootstrap import BaseImageError, BaseImageSpec
from rehearsal.servers.machines import Machines
from rehearsal.servers.nspawn import NspawnMachines
from rehearsal.servers.process import ProcessMachines
from rehearsal.servers.runs import Run

Say = Callable[[str], None]
AUTO, PROCESSES, REAL = "auto", "processes", "real"
KINDS = (AUTO, PROCESSES, REAL)
CONTAINER_PROGRAMS = {"unshare": "util-linux", "mount": "mount"}
PACKAGES = {
    **CONTAINER_PROGRAMS,
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap debian-archive-keyring",
    "packer": "packer",
}
"""Programs that real machines need, and the packages of Debian's and Ubuntu's that have them and what they need."""
_FREE_GIB = 4


class ChoiceError(Exception):
    """Real machines were asked for by name, and can't be had; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    why: str
    base_image_spec: BaseImageSpec | None = None
    """Of the base image that real machines are baked from; None: processes were chosen."""

    @property
    def real(self) -> bool:
        return self.base_image_spec is not None


def choose(kind: str, say: Say, recipe: BaseImageSpec) -> Choice:
    """Decides; tools and base image are got when they lack, after saying so. Raises ChoiceError."""
    if kind == PROCESSES:
        return Choice(why="asked for")
    # A host whose kernel refuses is asked before anything is installed on it that would be of no use.
    why_not = (
        host_problem()
        or _install_tools(CONTAINER_PROGRAMS, say)
        or kernel_problem()
        or _install_tools(PACKAGES, say)
        or _prepare_base_image(recipe, say)
    )
    if not why_not:
        return Choice(why="asked for" if kind == REAL else "this host can have them", base_image_spec=recipe)
    if kind == REAL:
        raise ChoiceError(f"--machines real: {why_not}\nDo: --machines processes, which runs anywhere")
    return Choice(why=f"no real operating systems: {why_not}")


def host_problem() -> str:
    """Why nothing could make real machines possible here; empty when something can."""
    if platform.system() != "Linux":
        return f"this is {platform.system()}, not Linux"
    if platform.machine() != "x86_64":
        return f"this is {platform.machine()}, and they are made for x86_64"
    if os.geteuid() != 0:
        return "only root can boot them (sudo make rehearsal)"
    place = runs.disks()
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free / 2**30
    return "" if free >= _FREE_GIB else f"{place} has {free:.1f} GiB free, and they take up to {_FREE_GIB}"


def missing_programs(programs: Mapping[str, str] = PACKAGES) -> list[str]:
    """Programs that lack."""
    return [program for program in programs if shutil.which(program) is None]


def _install_tools(programs: Mapping[str, str], say: Say) -> str:
    lacking = missing_programs(programs)
    if not lacking:
        return ""
    packages = sorted({package for program in lacking for package in programs[program].split()})
    if os.environ.get("NO_INSTALL"):
        return f"{', '.join(lacking)} is not installed, and NO_INSTALL is set"
    if shutil.which("apt-get") is None:
        return f"{', '.join(lacking)} is not installed"
    say(f"installing {', '.join(packages)} with apt-get, for real operating systems")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run_quietly(["apt-get", "update", "-qq"], environment)
    said = _run_quietly(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], environment)
    lacking = missing_programs(programs)
    return f"apt-get can't install {', '.join(lacking)}: {said.strip().splitlines()[-1:]}" if lacking else ""


def _prepare_base_image(recipe: BaseImageSpec, say: Say) -> str:
    try:
        debootstrap.ensure_cached(recipe, say)
    except BaseImageError as error:
        return str(error)
    return ""


def _run_quietly(command: Sequence[str], environment: dict[str, str]) -> str:
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def kernel_problem() -> str:
    """Why the kernel refuses a container with all that a machine needs; empty when it makes one."""
    with Run(runs.disks()) as run:
        folder = make_empty_folder(run.folder / "trial")
        lower = run.folder / "lower"
        lower.mkdir()
        try:
            container = Container(
                Spec(
                    lower=[str(lower)],
                    upper=str(folder / "upper"),
                    work=str(folder / "work"),
                    merged=str(folder / "merged"),
                    command=["true"],
                    console=str(run.folder / "console"),
                    network=True,
                    cgroups=run.cgroups("trial"),
                )
            )
        except ContainerError as error:
            return f"this host does not let them be made ({error})"
        container.wait()
        return ""


def make_machines(choice: Choice, run: Run) -> Machines:
    """The machines that were chosen, in a run's folder."""
    if choice.base_image_spec is None:
        return ProcessMachines(run.folder / "machines")
    return NspawnMachines(
        run,
        image=choice.base_image_spec.image,
        base=debootstrap.root_folder(choice.base_image_spec),
        archive=debootstrap.archive_folder(),
    )
