"""The image's check of the operating system: an archive that was not read in this bake is no proof of anything."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "image"
MAIN, SECURITY = "deb.debian.org_debian_dists_bookworm_", "deb.debian.org_debian-security_dists_bookworm-security_"
URIS = "".join(
    f"'http://{name.rstrip('_').replace('_', '/')}/InRelease' {name}InRelease 0 \n" for name in (MAIN, SECURITY)
)


@dataclass
class System:
    """A system whose apt, dpkg and clock say what the test wants."""

    folder: Path

    def tool(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def apt(self, *, uris: str = URIS, plan: str = "echo 0 upgraded") -> None:
        self.tool("apt-get", f"case $1 in --print-uris) cat <<'SAID'\n{uris}SAID\n;;\n*) {plan} ;; esac")

    def has(self, package: str, *, agent: bool = False, hold: str = "next: today") -> None:
        """The package is installed; `agent`: as a snap; `hold`: what snapd says of its refreshes."""
        self.tool("dpkg-query", f'[ "$4" != {package} ] || echo installed')
        self.tool("snap", f"case $1 in list) exit {int(not agent)} ;; refresh) echo '{hold}' ;; esac")

    def read(self, archive: str, *, label: str, days: float = 1, until: float | None = 6) -> None:
        """The lists have this archive, of so many days ago."""
        now = datetime.now(UTC)
        ends = f"Valid-Until: {now + timedelta(days=until):%a, %d %b %Y %H:%M:%S} UTC\n" if until is not None else ""
        (self.folder / "lists" / f"{archive}InRelease").write_text(
            f"Label: {label}\nDate: {now - timedelta(days=days):%a, %d %b %Y %H:%M:%S} UTC\n{ends}"
        )
        (self.folder / "lists" / f"{archive}main_binary-amd64_Packages.lz4").touch()

    def inspect(self) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", str(IMAGE / "inspect" / "10-operating-system.sh")],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "PHOENIX_COMMON": str(self.folder / "common"),
                "LC_ALL": "C.UTF-8",
            },
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def system(tmp_path: Path) -> System:
    """One that was just baked, and is all right."""
    for name in ("bin", "lists", "common"):
        (tmp_path / name).mkdir()
    hour_ago = time.time() - 3600
    os.utime(tmp_path / "common", (hour_ago, hour_ago))
    made = System(tmp_path)
    made.tool("apt-config", f"echo \"lists='{tmp_path}/lists/'\"")
    made.tool("dpkg-query", "exit 1")
    made.apt()
    # A release's own archive changes with its point releases only, and says no end.
    made.read(MAIN, label="Debian", days=200, until=None)
    made.read(SECURITY, label="Debian-Security")
    return made


def test_a_system_whose_archives_were_read_is_up_to_date(system: System) -> None:
    status, said = system.inspect()
    assert (status, said) == (
        0,
        f"ok: the operating system is up to date; security updates were read from {SECURITY}\n",
    )


def test_snapd_may_stay_where_the_agent_is_its_snap_and_it_refreshes_none(system: System) -> None:
    system.has("snapd", agent=True, hold="hold: forever")
    assert system.inspect()[0] == 0


def never_read(system: System) -> None:
    (system.folder / "lists" / f"{SECURITY}InRelease").unlink()


def read_before(system: System) -> None:
    later = time.time() + 60
    os.utime(system.folder / "common", (later, later))


CASES: list[tuple[Callable[[System], object], str]] = [
    (never_read, f"The archive {SECURITY} was not read"),
    (read_before, "is older than this bake"),
    (lambda system: system.read(SECURITY, label="Debian-Security", days=31, until=None), "no security update for 30"),
    (lambda system: system.read(SECURITY, label="Debian-Security", days=9, until=-2), "was valid until"),
    (lambda system: system.read(SECURITY, label="Debian-Security", days=-3), "is of a day to come"),
    (lambda system: system.read(SECURITY, label="Debian"), "None of apt's archives is the one with security updates"),
    (
        lambda system: (system.folder / "lists" / f"{SECURITY}main_binary-amd64_Packages.lz4").unlink(),
        f"The packages of {SECURITY} were not read",
    ),
    (lambda system: system.apt(uris=""), "apt knows no archive"),
    (
        lambda system: system.apt(plan="echo 'E: The list of sources could not be read.' >&2; exit 100"),
        "The list of sources could not be read",
    ),
    (
        lambda system: system.apt(plan="echo 'Inst openssl [3.0.14] (3.0.15 Debian-Security)'"),
        "Updates are missing:\nInst openssl",
    ),
    (lambda system: system.has("unattended-upgrades"), "unattended-upgrades is installed"),
    (lambda system: system.has("snapd"), "snapd is installed, and would change a server after its birth; nothing"),
    (lambda system: system.has("snapd", agent=True), "snapd would refresh its snaps"),
    (lambda system: system.has("snapd", agent=True, hold="hold: 2026-12-24"), "they are not held forever"),
]


@pytest.mark.parametrize(("happens", "says"), CASES, ids=[says for _, says in CASES])
def test_what_proves_nothing_fails_the_bake(system: System, happens: Callable[[System], object], says: str) -> None:
    happens(system)
    status, said = system.inspect()
    assert status != 0
    assert says in said
    assert "ok:" not in said


def test_an_archive_that_can_not_be_read_is_an_error_of_the_update() -> None:
    script = (IMAGE / "provision" / "10-operating-system.sh").read_text()
    mode, emptied, update = (
        script.index(text)
        for text in ('APT::Update::Error-Mode "any";', "rm -rf /var/lib/apt/lists/*\n", "\napt-get update\n")
    )
    assert mode < emptied < update
    for other in [*(IMAGE / "provision").glob("*.sh"), *(IMAGE / "optional").glob("*.sh")]:
        assert "apt-get update ||" not in other.read_text()


def hardened(folder: Path, *, tcp: str, udp: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """The check of hardening, where all but its last questions are answered well."""
    said = f"case $1 in -Hltn) cat <<'SAID'\n{tcp}SAID\n;; -Hlun) cat <<'SAID'\n{udp}SAID\n;; esac; exit {status}"
    tools = {
        "systemctl": "echo masked",
        "ss": said,
        "awk": 'case "$*" in *shadow*) exit 0 ;; *) exec /usr/bin/awk "$@" ;; esac',
    }
    for name, script in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    for name in ("grep", "cat"):
        (folder / name).symlink_to(f"/bin/{name}")
    return subprocess.run(
        ["/bin/sh", str(IMAGE / "inspect" / "80-hardening.sh")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(folder)},
    )


SSH = "LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\nLISTEN 0 128 [::]:22 [::]:*\nLISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*\n"
ASKING = (
    "UNCONN 0 0 10.0.0.7%ens5:68 0.0.0.0:*\nUNCONN 0 0 [fe80::1]%ens5:546 [::]:*\n"
    "UNCONN 0 0 0.0.0.0:41234 0.0.0.0:*\nUNCONN 0 0 127.0.0.1:323 0.0.0.0:*\n"
)


def test_what_a_vendors_image_needs_may_listen(tmp_path: Path) -> None:
    done = hardened(tmp_path, tcp=SSH, udp=ASKING)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("tcp", "udp", "says"),
    [
        (SSH + "LISTEN 0 4096 0.0.0.0:5355 0.0.0.0:*\n", "", "Something listens that should not: 0.0.0.0:5355"),
        (SSH, "UNCONN 0 0 0.0.0.0:5353 0.0.0.0:*\n", "Something answers over UDP that should not: 0.0.0.0:5353"),
        (SSH, ASKING + "UNCONN 0 0 [::]:5355 [::]:*\n", "Something answers over UDP that should not: [::]:5355"),
    ],
)
def test_what_neighbours_could_ask_is_told_with_its_port(tmp_path: Path, tcp: str, udp: str, says: str) -> None:
    done = hardened(tmp_path, tcp=tcp, udp=udp)
    assert done.returncode == 1 and says in done.stderr and "ok:" not in done.stdout


def test_ports_that_nobody_could_list_are_no_closed_ports(tmp_path: Path) -> None:
    done = hardened(tmp_path, tcp="", udp="", status=1)
    assert done.returncode == 1
    assert "ok:" not in done.stdout
