"""The agent of Systems Manager: from AWS's own bucket, with AWS's own signature, and in a rehearsal with its own."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import PROJECT
from rehearsal.servers import debs
from rehearsal.servers.images.metadata_layer import write_layer
from rehearsal.servers.network.openpgp import Key

SCRIPT = (PROJECT / "image" / "provision" / "15-systems-manager.sh").read_text()
AGENT = PROJECT / "rehearsal" / "servers" / "images" / "packages" / "amazon-ssm-agent"
KEYRING = base64.b64decode(re.search(r"<<'KEY'\n(.*?)\nKEY\n", SCRIPT, re.DOTALL)[1])  # type: ignore[index]
needs_gpgv = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")


def packets(keyring: bytes) -> list[tuple[int, bytes]]:
    """Tag and body of each OpenPGP packet with a length of two bytes, or of one (RFC 4880, 4.2.1)."""
    found = []
    while keyring:
        wide = keyring[0] & 3 == 1
        head, size = (3, int.from_bytes(keyring[1:3])) if wide else (2, keyring[1])
        found.append((keyring[0] >> 2 & 15, keyring[head : head + size]))
        keyring = keyring[head + size :]
    return found


def test_the_key_is_aws_s_and_the_script_says_truly_which_and_until_when() -> None:
    (tag, key), (_, user), (_, certificate), *_ = packets(KEYRING)
    fingerprint = hashlib.sha1(b"\x99" + struct.pack(">H", len(key)) + key, usedforsecurity=False).hexdigest().upper()
    created = int.from_bytes(key[1:5])
    # The subpacket of the key's expiration: seconds after it was made (RFC 4880, 5.2.3.6).
    lives = int.from_bytes(certificate[certificate.index(b"\x05\x09") + 2 :][:4])
    # As in aws/amazon-ecs-ami, aws/amazon-ecs-agent and aws/eks-hybrid, and in the page that the script names.
    assert (tag, fingerprint) == (6, "1C5B395CBE5E74E2F1CA21592784DBF388D19D46")
    assert user == b"SSM Agent <ssm-agent-signer@amazon.com>"
    days = [datetime.fromtimestamp(at, UTC) for at in (created, created + lives)]
    said = [f"{day.day} {day:%B %Y}" for day in days]
    assert f"# AWS's key {fingerprint} of {said[0]}, which AWS uses until {said[1]}" in SCRIPT


def test_nothing_is_installed_before_the_signature_is_checked() -> None:
    steps = ('fetch "$package.sig"', "if ! gpgv --keyring", 'apt-get install "$package"')
    order = [SCRIPT.index(text) for text in steps]
    assert order == sorted(order)
    assert "--insecure" not in SCRIPT and not re.search(r"curl .*-k\b", SCRIPT)


@needs_gpgv
def test_what_somebody_else_signed_is_refused_by_the_key_in_the_script(tmp_path: Path) -> None:
    key, package = Key("Somebody else"), debs.build_deb(AGENT)
    for name, content in {
        "aws.gpg": KEYRING,
        "own.gpg": key.public,
        "agent.deb": package,
        "agent.deb.sig": key.signature(package),
        "changed.deb": package + b"\n",
    }.items():
        (tmp_path / name).write_bytes(content)

    def checked(keyring: str, file: str) -> int:
        return subprocess.run(
            ["gpgv", "--keyring", str(tmp_path / keyring), str(tmp_path / "agent.deb.sig"), str(tmp_path / file)],
            capture_output=True,
            check=False,
        ).returncode

    assert checked("own.gpg", "agent.deb") == 0, "the rehearsal's signature is one that gpgv reads"
    assert checked("own.gpg", "changed.deb") != 0
    assert checked("aws.gpg", "agent.deb") != 0


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_a_package_of_the_rehearsals_is_one_that_dpkg_reads(tmp_path: Path) -> None:
    file = tmp_path / "agent.deb"
    file.write_bytes(debs.build_deb(AGENT))
    assert debs.build_deb(AGENT) == file.read_bytes(), "the same files are the same package"
    fields = subprocess.run(
        ["dpkg-deb", "--field", str(file), "Package", "Depends"], capture_output=True, text=True, check=True
    ).stdout
    assert fields == "Package: amazon-ssm-agent\nDepends: libc6\n"
    subprocess.run(["dpkg-deb", "--raw-extract", str(file), str(tmp_path / "there")], check=True)
    for path in ("usr/bin/amazon-ssm-agent", "DEBIAN/postinst", "lib/systemd/system/amazon-ssm-agent.service"):
        assert (tmp_path / "there" / path).read_bytes() == (AGENT / path).read_bytes()
    assert (tmp_path / "there" / "usr/bin/amazon-ssm-agent").stat().st_mode & 0o777 == 0o755


def test_only_a_build_machine_has_the_first_boots_work_and_the_way_to_the_bucket(tmp_path: Path) -> None:
    key = {"etc/cloud-of-this-machine/bucket.gpg": b"key"}
    build, server = (
        write_layer(tmp_path / name, instance_id="i-1", user_data="", public_key="", builds=name == "build", bucket=key)
        for name in ("build", "server")
    )
    first_boot = ("etc/systemd/system/first-boot.service", "usr/local/bin/gpgv", "root/.curlrc", *key)
    assert [(build / name).is_file() for name in first_boot] == [True] * len(first_boot)
    assert [(server / name).exists() for name in first_boot] == [False] * len(first_boot)
    assert (build / "usr/local/bin/gpgv").stat().st_mode & 0o777 == 0o755
