"""`make pulumi` brings Packer from HashiCorp's package repository, or says what is in the way."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rehearsal import PROJECT
from steps.image import packer
from tests.support.standins import Bench

KEY = "798AEC654E5C15428C8E42EEAA16FCBCA621E701"
DOWNLOADS = 'while [ "$1" != -o ]; do shift; done; echo key > "$2"'
EXPORTS = f'case "$*" in *"--export {KEY}") echo the key ;; esac'


def machine(folder: Path, *, user: int = 0, curl: str = DOWNLOADS, gpg: str = EXPORTS, apt: str = "") -> Bench:
    """A Debian without Packer; once apt-get has installed it, there is one."""
    made = Bench(folder)
    made.stand_in("id", f"echo {user}")
    made.stand_in("dpkg", "echo amd64")
    made.stand_in("curl", curl)
    made.stand_in("gpg", gpg)
    packer = made.bin / "packer"
    born = f'printf "#!/bin/sh\\necho Packer v1.16.0\\n" > {packer}; chmod 755 {packer}'
    made.stand_in("apt-get", apt or f'case "$*" in *" packer="*) {born} ;; esac')
    return made


def install(on: Bench, folder: Path) -> subprocess.CompletedProcess[str]:
    return on.run("sh", "tools/install_packer.sh", DESTDIR=str(folder / "root"))


def test_packer_comes_from_hashicorps_repository_whose_key_is_known(tmp_path: Path) -> None:
    on = machine(tmp_path)
    done = install(on, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Packer v1.16.0"
    [source] = (tmp_path / "root/etc/apt/sources.list.d").iterdir()
    keyring = "/usr/share/keyrings/hashicorp-archive-keyring.gpg"
    assert f"[arch=amd64 signed-by={keyring}] https://apt.releases.hashicorp.com " in source.read_text()
    assert (tmp_path / f"root{keyring}").read_text() == "the key\n"
    assert "apt-get install -y -qq --allow-downgrades packer=1.16.0-*" in on.calls


def test_another_key_is_refused(tmp_path: Path) -> None:
    on = machine(tmp_path, gpg=":")
    done = install(on, tmp_path)
    assert done.returncode == 1
    assert f"does not hold HashiCorp's key {KEY}; nothing was installed" in done.stderr
    assert not (tmp_path / "root").exists()
    assert not any("apt-get" in call for call in on.calls)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"curl": "echo 'Could not resolve host' >&2; exit 6"}, "The key of HashiCorp's repository could not be had"),
        ({"apt": "exit 100"}, "could not be had from https://apt.releases.hashicorp.com"),
    ],
)
def test_without_a_network_it_says_what_to_do(where: dict[str, str], said: str, tmp_path: Path) -> None:
    done = install(machine(tmp_path, **where), tmp_path)  # type: ignore[arg-type]
    assert done.returncode == 1
    assert said in done.stderr
    assert "run `make pulumi` again" in done.stderr


def test_only_root_changes_what_is_installed(tmp_path: Path) -> None:
    on = machine(tmp_path, user=1000)
    done = install(on, tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("Do: sudo sh tools/install_packer.sh\n")
    assert on.calls == ["id -u"]


@pytest.mark.parametrize("newest", ["1.16.0", "1.17.0"])
def test_on_a_mac_homebrew_does_it_while_the_newest_is_the_pinned_one(newest: str, tmp_path: Path) -> None:
    on = Bench(tmp_path)
    packer = on.bin / "packer"
    on.stand_in("brew", f'printf "#!/bin/sh\\necho Packer v{newest}\\n" > {packer}; chmod 755 {packer}')
    done = install(on, tmp_path)
    assert on.calls == ["brew install hashicorp/tap/packer"]
    if newest == "1.16.0":
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert "Homebrew has installed Packer v1.17.0, and image/plugins.pkr.hcl pins 1.16.0" in done.stderr
        assert "https://releases.hashicorp.com/packer/1.16.0/" in done.stderr


@pytest.mark.parametrize(
    ("version", "kept"), [("1.6.6", False), ("1.7.0", False), ("1.16.0", True), ("1.16.1", False), ("2.0.0", False)]
)
def test_the_pinned_packer_alone_is_kept_when_it_is_there(version: str, kept: bool, tmp_path: Path) -> None:
    on = machine(tmp_path, user=1000)
    on.stand_in("packer", f"echo Packer v{version}")
    assert (install(on, tmp_path).returncode == 0) is kept


def test_another_packer_that_stands_first_on_path_is_told(tmp_path: Path) -> None:
    on = machine(tmp_path, apt=":")
    on.stand_in("packer", "echo Packer v1.14.2")
    done = install(on, tmp_path)
    assert done.returncode == 1
    assert f"and {on.bin}/packer is Packer v1.14.2" in done.stderr


def test_what_is_installed_is_what_the_template_pins() -> None:
    pinned = packer.pinned((PROJECT / "image" / "plugins.pkr.hcl").read_text())
    assert pinned == (1, 16, 0), "then the versions in this file and in tests/support/packer_calls.json are others too"
