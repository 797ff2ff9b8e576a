"""What the rehearsal adds to the template for the real Packer, whichever that is, and that it becomes that Packer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import PROJECT
from rehearsal.servers.packer import override

LOCAL = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", override.SSH_PORT: "2222"}
TEMPLATE = (PROJECT / "image" / "phoenix.pkr.hcl").read_text()


def source(text: str) -> dict[str, str]:
    """Arguments and blocks of the source, each with how often it is there; Packer refuses a second one."""
    body = text[text.index('source "amazon-ebs"') : text.index("\nbuild {")]
    names = re.findall(r"^  (\w+) +[={] *(.*)$", body, re.MULTILINE)
    assert len(names) == len(dict(names)), "an argument is there twice"
    return dict(names)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "image", tmp_path / "image"))


@pytest.mark.parametrize("version", [(1, 6, 6), (1, 16, 0)], ids=str)
def test_the_build_machine_and_the_cloud_are_on_this_host(version: tuple[int, ...], folder: Path) -> None:
    override.change(folder, LOCAL, version)
    changed, before = source((folder / "phoenix.pkr.hcl").read_text()), source(TEMPLATE)
    assert changed["custom_endpoint_ec2"] == '"http://127.0.0.1:4566"'
    assert (changed["ssh_host"], changed["ssh_port"]) == ('"127.0.0.1"', "2222")
    assert changed["temporary_security_group_source_cidrs"] == '["127.0.0.1/32"]'
    assert "temporary_security_group_source_public_ip" not in changed, "nobody on the internet is asked"
    unknown = {*override.UNKNOWN_BEFORE_PLUGINS} if version < override.PLUGINS else set()
    assert before.keys() - changed.keys() == {*override.ASKS_ELSEWHERE, *unknown}
    assert unknown <= before.keys(), "what is left out for an old Packer is in the template"
    build = TEMPLATE.index("\nbuild {")
    assert (folder / "phoenix.pkr.hcl").read_text().endswith(TEMPLATE[build:])


@pytest.mark.parametrize(
    ("version", "pins"), [((1, 6, 6), ""), ((1, 14, 0), "required_plugins"), ((1, 16, 0), "required_plugins")], ids=str
)
def test_whichever_packer_there_is_may_bake_in_a_rehearsal(version: tuple[int, ...], pins: str, folder: Path) -> None:
    override.change(folder, LOCAL, version)
    text = (folder / "plugins.pkr.hcl").read_text()
    assert "required_version =" not in text
    assert pins in text and (pins or not text)


def test_a_second_change_changes_nothing(folder: Path) -> None:
    override.change(folder, LOCAL, (1, 16, 0))
    once = (folder / "phoenix.pkr.hcl").read_text()
    override.change(folder, LOCAL, (1, 16, 0))
    assert (folder / "phoenix.pkr.hcl").read_text() == once


def test_a_template_without_a_source_of_amazon_is_told() -> None:
    with pytest.raises(ValueError, match="no source of amazon-ebs"):
        override.changed("build {\n}\n", endpoint="", port="", plugins=True)


REAL = """#!/bin/sh
[ "$1" = version ] && { echo "Packer v%s"; exit 0; }
echo "the real one: $*, process $$"
exit 7
"""


def run(folder: Path, version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "real").mkdir()
    (folder / "real" / "packer").write_text(REAL % version)
    (folder / "real" / "packer").chmod(0o755)
    path = os.pathsep.join([str(override.OVERRIDE_FOLDER), str(folder / "real"), os.environ["PATH"]])
    return subprocess.run(
        ["packer", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={**os.environ, **LOCAL, "PATH": path, "PHOENIX_PYTHON": sys.executable},
    )


@pytest.mark.parametrize("version", ["1.6.6", "1.16.0", "1.17.3"])
def test_to_a_bake_it_is_the_pinned_packer_and_it_says_which_it_really_is(version: str, tmp_path: Path) -> None:
    done = run(tmp_path, version, "version")
    assert done.stdout.splitlines()[0] == "Packer v1.16.0"
    assert f"{tmp_path}/real/packer, which is Packer {version}." in done.stdout


def test_it_changes_the_template_and_becomes_the_real_packer(folder: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "1.16.0", "build", "-color=false", str(folder))
    assert done.returncode == 7
    assert f"the real one: build -color=false {folder}, process " in done.stdout
    assert "ssh_host" in (folder / "phoenix.pkr.hcl").read_text()


def test_an_old_packer_has_no_plugins_to_get(folder: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "1.6.6", "init", str(folder))
    assert (done.returncode, "the real one" in done.stdout) == (0, False)
