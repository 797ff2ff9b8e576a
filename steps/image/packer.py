"""Packer as a child of the bake: its version, the template it is given, its output, and its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import StepError
from core.names import PACKER_INSTALL, SESSION_PLUGIN, SESSION_PLUGIN_INSTALL
from core.progress import Clock, Progress
from steps.image.packer_output import PackerOutput
from steps.runtime import child_environment, process

# Packer terminates its build instance, and waits for that, before it takes away key and security group.
CLEANUP_SECONDS = 180.0
TEMPLATE = "phoenix.pkr.hcl"
# Packer takes any variable of the template from the environment too; no fingerprint would tell.
UNSEEN = "PKR_VAR_"
# How a template pins its Packer (`packer fmt` writes it so).
PINNED = re.compile(r'^\s*required_version\s*=\s*"=?\s*(\d+)\.(\d+)\.(\d+)"', re.MULTILINE)
# AWS takes minutes to make an image, and Packer says nothing meanwhile.
SILENCE_SECONDS = 30.0
READ_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Packer:
    """The Packer on PATH."""

    program: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"Packer {dotted(self.version)}"


def installed() -> Packer:
    """Raises StepError when there is none, or when what is there is not Packer."""
    program = shutil.which("packer")
    if program is None:
        raise StepError(
            "PHX-402", "there is no image to reuse, and Packer is not installed to bake one", do=PACKER_INSTALL
        )
    done = subprocess.run(
        [program, "version"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
        env=child_environment.for_packer(os.environ),
    )
    version = parsed_version(done.stdout)
    if done.returncode != 0 or version is None:
        said = (done.stdout + done.stderr).strip()[:500]
        raise StepError(
            "PHX-403", f"{program} does not say that it is Packer", why=said or "it said nothing", do=PACKER_INSTALL
        )
    # It is run in another folder.
    return Packer(program=str(Path(program).absolute()), version=version)


def parsed_version(text: str) -> tuple[int, ...] | None:
    match = re.search(r"^Packer v(\d+)\.(\d+)\.(\d+)", text, re.MULTILINE)
    return tuple(int(part) for part in match.groups()) if match else None


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def pinned(templates: str) -> tuple[int, ...] | None:
    """The one version of Packer that the text of an image's templates allows; None when they leave a choice."""
    match = PINNED.search(templates)
    return tuple(int(part) for part in match.groups()) if match else None


def refuse_other(packer: Packer, templates: str) -> None:
    """Raises StepError for another Packer than the one that is pinned, which it would say itself, and later."""
    wanted = pinned(templates)
    if wanted is not None and packer.version != wanted:
        raise StepError(
            "PHX-404",
            f"{packer.program} is {packer}, and the image is baked with Packer {dotted(wanted)} (required_version in"
            " its templates)",
            why="the same scripts make the same image only with the same Packer",
            do=PACKER_INSTALL,
        )


def refuse_without_sessions(profile: str) -> None:
    """Raises StepError where Packer could not reach its build instance through Session Manager."""
    if profile and shutil.which(SESSION_PLUGIN) is None:
        raise StepError(
            "PHX-405",
            f"packerVariables.session_manager_profile is {profile}, and {SESSION_PLUGIN} is not installed here",
            why="Packer reaches its build instance through it (ssh_interface of HashiCorp's amazon plugin)",
            do=SESSION_PLUGIN_INSTALL,
        )


def write_variables(variables: Mapping[str, object], file: Path) -> None:
    """Writes variables of the template into a new file, which nobody else can read: arguments can be read by everybody.

    Packer takes each value in a file of JSON literally: `${` begins no template there (hcl2template/types.variables.go
    evaluates it without a context).
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as writing:
        json.dump(dict(sorted(variables.items())), writing, ensure_ascii=False, indent=2)


def claimed(work: Path, name: Callable[[], str], clock: Clock) -> tuple[str, Path]:
    """A name (`name` gives another one each second) that no bake of this folder has had, and its log.

    The log is the claim: bakes of two stacks in one checkout never write into each other's files.
    """
    while True:
        log = work / f"{(mine := name())}.log"
        try:
            log.touch(exist_ok=False)
        except FileExistsError:
            clock.sleep(1.0)
        else:
            return mine, log


def built_image(manifest: Path, *, region: str) -> str:
    """The image that the manifest post-processor names (`REGION:AMI`). Raises StepError."""
    try:
        builds = json.loads(manifest.read_text(encoding="utf-8"))["builds"]
        artifacts = dict(part.split(":", 1) for part in builds[-1]["artifact_id"].split(","))
        return str(artifacts[region])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise StepError(
            "PHX-417",
            f"Packer ended well, but {manifest} does not name an image in {region}",
            why=f"{type(error).__name__}: {error}",
            do="keep the manifest post-processor of image/phoenix.pkr.hcl",
        ) from error


def run(
    command: Sequence[str],
    *,
    log: Path,
    progress: Progress,
    folder: Path | None = None,
    output: PackerOutput | None = None,
) -> int:
    """Runs Packer (in a folder) and returns its exit code.

    It writes to `log`; from there `output` reads it, and chooses which of its lines are told on stderr.

    However this call ends, Packer ends with it: it gets SIGINT, on which it takes away what it made in AWS, time for
    that, and SIGKILL. Raises TimeoutError when `progress` has reached its limit.
    """
    environment = child_environment.for_packer(os.environ)
    with log.open("ab") as writing, log.open("rb") as reading:
        reading.seek(0, os.SEEK_END)
        # No pipe: should this step be killed with -9, Packer's next word would kill it too, before it has cleaned up.
        # Its plugins are in its process group. It takes the kernel's SIGTERM like SIGINT.
        begun = process.start(command, output=writing, environment=environment, folder=folder)
        lines = _Lines(progress, output or PackerOutput())
        try:
            _follow(begun, reading, lines, seconds=progress.left)
            if begun.poll() is None:
                raise TimeoutError(f"Packer was not done after {progress.elapsed():.0f} s")
            return begun.returncode
        finally:
            _end(begun, reading, lines, progress)


def _end(begun: subprocess.Popen[bytes], output: BinaryIO, lines: _Lines, progress: Progress) -> None:
    if begun.poll() is None:
        progress.line("Packer is interrupted and takes away what it made in AWS")
        # Not SIGTERM: it would end the plugins, which do the taking away.
        process.signal_group(begun, signal.SIGINT)
        limit = progress.clock.now() + CLEANUP_SECONDS
        _follow(begun, output, lines, seconds=lambda: limit - progress.clock.now())
    process.signal_group(begun, signal.SIGKILL)
    begun.wait()


def _follow(begun: subprocess.Popen[bytes], output: BinaryIO, lines: _Lines, *, seconds: Callable[[], float]) -> None:
    """Tells what is written to `output`, until the process has ended or no `seconds` are left."""
    while True:
        # Asked before reading: what it wrote last is read when it has ended.
        ended = begun.poll() is not None
        lines.add(output.read())
        if ended or seconds() <= 0:
            break
        lines.remind()
        with contextlib.suppress(subprocess.TimeoutExpired):
            begun.wait(READ_SECONDS)
    lines.end()


class _Lines:
    """Turns pieces of output into lines of progress, and says what is going on when there was none for long."""

    def __init__(self, progress: Progress, output: PackerOutput) -> None:
        self._progress = progress
        self._output = output
        self._rest = b""
        self._told = progress.clock.now()

    def add(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._tell(line)

    def end(self) -> None:
        self._tell(self._rest)
        self._rest = b""

    def remind(self) -> None:
        now = self._progress.clock.now()
        if now - self._told >= SILENCE_SECONDS:
            self._told = now
            self._progress.line(self._output.waiting(now))

    def _tell(self, line: bytes) -> None:
        # Tools that draw progress bars overwrite their line.
        text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2]
        now = self._progress.clock.now()
        for shown in self._output.lines(text, now):
            self._told = now
            self._progress.line(f"packer: {shown}")
