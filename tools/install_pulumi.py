"""Installs the Pulumi CLI that belongs to the pinned SDK into .pulumi/ of the project, and with it the plugins of the
pinned providers.

tools/checksums.txt, which is in git, says what each archive is: one that was exchanged on its way is refused before
anything in it runs. After a change of a pinned version, and once in a new project:

    python tools/install_pulumi.py --record     (make pulumi-checksums; downloads the archives of all platforms)

It trusts what it is sent at that moment: compare with what Pulumi publishes beside each release, and commit the file.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / ".pulumi"
CHECKSUMS = PROJECT / "tools" / "checksums.txt"
RELEASES = "https://get.pulumi.com/releases"
PROVIDERS = ("aws", "command")
# As the archives of the CLI call them; those of plugins say amd64 for x64.
PLATFORMS = ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64")
SECONDS = 60


class InstallError(Exception):
    """Why nothing was installed; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What is downloaded: its name, and where it is."""

    name: str
    url: str


def cli(on: str) -> Archive:
    """The CLI's archive for a platform."""
    name = f"pulumi-v{version('pulumi')}-{on}.tar.gz"
    return Archive(name=name, url=f"{RELEASES}/sdk/{name}")


def plugin(provider: str, on: str) -> Archive:
    """A provider's archive for a platform."""
    name = f"pulumi-resource-{provider}-v{version(f'pulumi-{provider}')}-{on.replace('x64', 'amd64')}.tar.gz"
    return Archive(name=name, url=f"{RELEASES}/plugins/{name}")


def archives(on: str) -> Iterator[Archive]:
    """All of a platform's."""
    yield cli(on)
    yield from (plugin(provider, on) for provider in PROVIDERS)


def here() -> str:
    """This machine's platform. Raises InstallError for one without archives."""
    kinds = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    found = f"{platform.system().lower()}-{kinds.get(platform.machine().lower(), platform.machine())}"
    if found not in PLATFORMS:
        raise InstallError(f"There is no Pulumi for {found}; there is for {', '.join(PLATFORMS)}.")
    return found


def recorded(file: Path) -> dict[str, str]:
    """SHA-256 by name of the archive, as `sha256sum` writes them; lines with # are remarks."""
    lines = [line.split() for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {name: digest for digest, name in lines}


def download(archive: Archive, file: Path) -> str:
    """Its SHA-256, in hex. Raises OSError."""
    found = hashlib.sha256()
    asked = urllib.request.urlopen(archive.url, timeout=SECONDS)  # noqa: S310 (RELEASES says https)
    with asked as reading, file.open("wb") as writing:
        while part := reading.read(1 << 20):
            found.update(part)
            writing.write(part)
    return found.hexdigest()


def checked(archive: Archive, digest: str, known: Mapping[str, str]) -> None:
    """Raises InstallError for an archive that is not the one in git; one that git does not know is told."""
    wanted = known.get(archive.name)
    if wanted is None:
        print(
            f"warning: tools/checksums.txt does not know {archive.name}; it is not verified (sha256 {digest}).\n"
            "Do: make pulumi-checksums, compare with what Pulumi publishes, and commit the file",
            file=sys.stderr,
        )
    elif wanted != digest:
        raise InstallError(
            f"{archive.url} is not what tools/checksums.txt says; nothing of it was run.\n"
            f"It has the sha256 {digest}, not {wanted}.\n"
            "Do: find out who changed it; a proxy may answer for it. For another version: make pulumi-checksums"
        )


def fetch(archive: Archive, known: Mapping[str, str], folder: Path) -> Path:
    """The archive in `folder`, once it is seen to be the one in git. Raises InstallError and OSError."""
    file = folder / archive.name
    digest = download(archive, file)
    try:
        checked(archive, digest, known)
    except InstallError:
        file.unlink()
        raise
    return file


def install_cli(known: Mapping[str, str], folder: Path) -> Path:
    """The CLI in `folder`/bin, downloaded unless this very archive is there. Raises InstallError and OSError."""
    archive, program = cli(here()), folder / "bin" / "pulumi"
    if program.exists() and _installed(archive, known, folder):
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    file = fetch(archive, known, folder)
    _unpack(file, program.parent)
    _mark(file)
    return program


def _installed(archive: Archive, known: Mapping[str, str], folder: Path) -> bool:
    """Whether this archive was installed by this tool, and is what git says today."""
    mark = folder / f"{archive.name}.installed"
    return mark.exists() and known.get(archive.name, mark.read_text()) == mark.read_text()


def _mark(file: Path) -> None:
    """Writes down that an archive was installed, and what it was; it is not needed any more."""
    with file.open("rb") as reading:
        digest = hashlib.file_digest(reading, "sha256").hexdigest()
    file.with_name(f"{file.name}.installed").write_text(digest)
    file.unlink()


def _unpack(archive: Path, folder: Path) -> None:
    """The archive's programs, whatever folder they have in it."""
    with tarfile.open(archive) as reading:
        for member in reading:
            content = reading.extractfile(member) if member.isfile() else None
            if content is not None:
                # Another one may run at this moment.
                (new := folder / f".{Path(member.name).name}.new").write_bytes(content.read())
                new.chmod(0o755)
                new.replace(folder / Path(member.name).name)


def install_plugins(program: Path, known: Mapping[str, str], folder: Path) -> None:
    """Gives the CLI the archives of the providers' plugins, each held against git. Raises InstallError and OSError.

    Its own `--checksum` refuses archives that are right: it leaves out the last piece of what it reads (seen with
    3.260; pulumi/pulumi, sdk/go/common/workspace/plugins.go, checksumReader).
    """
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
    for provider in PROVIDERS:
        archive, wanted = plugin(provider, here()), version(f"pulumi-{provider}")
        if (home / f"resource-{provider}-v{wanted}").is_dir() and _installed(archive, known, folder):
            continue
        file = fetch(archive, known, folder)
        command = [str(program), "plugin", "install", "resource", provider, wanted, "--reinstall", "--file", str(file)]
        if subprocess.run(command, cwd=PROJECT, check=False).returncode:
            raise InstallError(f"Pulumi could not install the plugin {archive.name}; its words are above.")
        _mark(file)


def record(file: Path, folder: Path) -> None:
    """Downloads every archive, and writes their checksums into `file`. Raises OSError."""
    remarks = [line for line in file.read_text().splitlines() if line.startswith("#")]
    lines = []
    for archive in (one for on in PLATFORMS for one in archives(on)):
        print(f"downloading {archive.name}", flush=True)
        lines.append(f"{download(archive, folder / 'archive')}  {archive.name}")
        (folder / "archive").unlink()
    file.write_text("\n".join([*remarks, *lines]) + "\n")
    print(f"written: {file}; compare with what Pulumi publishes, and commit it")


def main(arguments: list[str]) -> int:
    """0 when `.pulumi/bin/pulumi` and the plugins are there, 1 when they could not be had."""
    FOLDER.mkdir(exist_ok=True)
    try:
        if arguments == ["--record"]:
            record(CHECKSUMS, FOLDER)
            return 0
        print(f"installing Pulumi {version('pulumi')} into {FOLDER}", flush=True)
        known = recorded(CHECKSUMS)
        program = install_cli(known, FOLDER)
        print(f'{program} is there; put it on PATH:\n  export PATH="{program.parent}:$PATH"', flush=True)
        install_plugins(program, known, FOLDER)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"Pulumi could not be installed: {error}\n"
            "It comes from get.pulumi.com: check the network and proxy (https_proxy), and run `make pulumi` again.\n"
            f"Or install {version('pulumi')} by hand: https://www.pulumi.com/docs/iac/download-install/",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
