"""Each application's folder, whichever it is: it can be baked, and what is in it is readable and keeps the contract."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core import image_base, image_files
from tests.apps.folders import PROJECT, images

every_image = pytest.mark.parametrize("folder", images(), ids=str)


@every_image
def test_its_files_are_an_image_of_one_commit(folder: Path) -> None:
    files = image_files.read_image_files(PROJECT / folder)
    assert {"phoenix.pkr.hcl", "app/provision.sh", "provision/40-application.sh"} <= files.keys()


@every_image
def test_its_scripts_stop_at_their_first_error_ask_nobody_anything_and_are_correct(folder: Path) -> None:
    application = image_base.application(PROJECT / folder)
    for script in sorted(application.glob("*.sh")):
        first, about, *rest = script.read_text().splitlines()
        code = [line for line in rest if line and not line.startswith("#")]
        assert first == "#!/bin/sh" and re.match(r"# \w.*\w", about) and code[0] == "set -eu", script
        if re.search(r"^\s*apt-get (install|purge|autoremove)", "\n".join(code), re.MULTILINE):
            assert "DEBIAN_FRONTEND=noninteractive" in script.read_text(), script
        checked = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        if shutil.which("shellcheck"):
            done = subprocess.run(["shellcheck", "-s", "sh", str(script)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


@every_image
def test_it_says_its_unit_and_brings_it_or_has_it_of_a_package(folder: Path) -> None:
    application = image_base.application(PROJECT / folder)
    text = (application / "provision.sh").read_text()
    [unit] = re.findall(r"^echo \"?([\w$.@-]+\.service)\"? >/etc/phoenix/application$", text, re.MULTILINE)
    brought = {*application.glob("*.service"), *application.glob("*.container")}
    assert not brought or unit.removesuffix(".service") in {one.stem for one in brought}
    for container in application.glob("*.container"):
        said = container.read_text()
        assert re.search(r"^Image=\S+@sha256:[0-9a-f]{64}$", said, re.MULTILINE), "a tag may be another image tomorrow"
        assert "\nPull=never\n" in said, f"{container} would wait for a registry when a server boots"
        assert re.search(r"^User=(?!0$|root$)\w", said, re.MULTILINE), f"{container} would run as root"
        assert "WantedBy=multi-user.target" in said, f"{container} would not start at boot"
    for service in application.glob("*.service"):
        said = service.read_text()
        assert re.search(r"^User=(?!root$)\w", said, re.MULTILINE), f"{service} would run as root"
        assert "WantedBy=multi-user.target" in said, f"{service} would not start at boot"


@every_image
def test_its_files_of_xml_are_well_formed(folder: Path) -> None:
    for file in image_base.application(PROJECT / folder).rglob("*.xml"):
        ElementTree.parse(file)
