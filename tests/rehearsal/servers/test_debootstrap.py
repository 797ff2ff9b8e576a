"""The base image's packages are Debian's: its signature is checked, whatever archive they come from."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rehearsal import PROJECT
from rehearsal.servers.images import debootstrap
from rehearsal.servers.network.openpgp import Key

RELEASE = "Origin: Debian\nSuite: oldstable\nCodename: bookworm\nComponents: main\nArchitectures: amd64 all\nSHA256:\n"
UNCHECKED = ("--no-check-gpg", "--allow-unauthenticated", "trusted=yes", "Trusted: yes", "AllowInsecureRepositories")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An archive of somebody's, without any signature."""
    suite = tmp_path / "archive" / "dists" / "bookworm"
    suite.mkdir(parents=True)
    (suite / "Release").write_text(RELEASE)
    handler = partial(Quiet, directory=str(tmp_path / "archive"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield suite, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        return None


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("debootstrap") is None, reason="debootstrap needs root")
@pytest.mark.parametrize("signed", [False, True], ids=["nobody", "somebody else"])
def test_what_debian_did_not_sign_is_not_installed(signed: bool, mirror: tuple[Path, str], tmp_path: Path) -> None:
    suite, url = mirror
    if signed:
        (suite / "Release.gpg").write_bytes(
            Key("Debian Archive, as anybody may call a key").signature(RELEASE.encode())
        )
    target = tmp_path / "root"
    done = subprocess.run(
        ["sh", str(debootstrap._SCRIPT), str(target), "bookworm", url, str(tmp_path), "", "", ""],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert ("Release signed by unknown key" if signed else "Failed getting release signature file") in said, said
    assert not (target / "usr").exists(), "before anything is unpacked"


def test_no_script_or_program_switches_the_check_off() -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    texts = {
        name: (PROJECT / name).read_text(errors="ignore")
        for name in files.split("\0")
        if (PROJECT / name).is_file() and Path(name).suffix not in (".md", ".json") and PROJECT / name != Path(__file__)
    }
    assert [(name, word) for name, text in texts.items() for word in UNCHECKED if word in text] == []
