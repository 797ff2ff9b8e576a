"""The image's scripts and template: readable, in order, and what the tools at hand say of them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core import packages
from rehearsal.servers.packer import override
from steps.image import bake, packer

IMAGE = Path(__file__).parents[3] / "image"
PROVISION = sorted((IMAGE / "provision").glob("*.sh"))
SCRIPTS = [
    *PROVISION,
    *sorted((IMAGE / "inspect").glob("*.sh")),
    *sorted((IMAGE / "optional").glob("*.sh")),
    IMAGE / "packages.sh",
]
TEMPLATE = (IMAGE / "phoenix.pkr.hcl").read_text()

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")


@every_script
def test_a_script_stops_at_its_first_error(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    code = [line for line in lines if line and not line.startswith("#")]
    assert code[0] == "set -eu"


@every_script
def test_a_script_says_what_it_is_for(script: Path) -> None:
    assert re.match(r"# \w.*\w", script.read_text().splitlines()[1])


@every_script
def test_a_script_is_correct_shell(script: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    found = subprocess.run(["shellcheck", "--shell=sh", str(script)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@every_script
def test_a_script_asks_nobody_anything(script: Path) -> None:
    text = script.read_text()
    if re.search(r"^\s*apt-get (install|purge|full-upgrade)", text, re.MULTILINE):
        assert "DEBIAN_FRONTEND=noninteractive" in text


def test_the_order_of_the_scripts_is_their_numbers_and_sealing_comes_last() -> None:
    numbers = [int(match[1]) for path in PROVISION if (match := re.fullmatch(r"(\d\d)-[a-z-]+\.sh", path.name))]
    assert len(numbers) == len(PROVISION) == len(set(numbers))
    assert PROVISION[0].name == "10-operating-system.sh"
    assert PROVISION[-1].name == "90-sealing.sh"


def test_everything_is_inspected_before_it_is_sealed() -> None:
    build = TEMPLATE[TEMPLATE.index("\nbuild {") :]
    order = [build.index(f"local.{part}\n") for part in ("scripts", "checks", "seal")]
    assert order == sorted(order)


def test_packages_are_listed_when_all_are_installed_and_taken_home_before_it_is_sealed() -> None:
    build = TEMPLATE[TEMPLATE.index("\nbuild {") :]
    parts = ("local.checks\n", "packages.sh", 'direction   = "download"', "destination = var.packages", "local.seal\n")
    order = [build.index(part) for part in parts]
    assert order == sorted(order)


@pytest.mark.parametrize("manager", ["dpkg-query", "rpm"])
def test_the_list_of_packages_is_sorted_and_holds_what_is_installed(manager: str, tmp_path: Path) -> None:
    says = {
        "dpkg-query": "installed zlib1g 1:1.2.13 amd64\nconfig-files nano 7.2-1 amd64\ninstalled apt 2.6.1 all\n"
        "installed zlib1g 1:1.2.13 amd64\n",
        "rpm": "zlib 1.2.11-33 x86_64\ngpg-pubkey d832c631-6515c85e (none)\napt 2.6.1 noarch\n",
    }[manager]
    (tmp_path / manager).write_text(f"#!/bin/sh\ncat <<'SAID'\n{says}SAID\n")
    (tmp_path / manager).chmod(0o755)
    for tool in ("sh", "cat", "sed", "sort", "install", "dirname", "chmod", "wc"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    done = subprocess.run(
        ["sh", str(IMAGE / "packages.sh")],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": str(tmp_path), "PHOENIX_PACKAGES": str(tmp_path / "etc" / "packages")},
    )
    first, *lines = (tmp_path / "etc" / "packages").read_text().splitlines()
    kind = "deb" if manager == "dpkg-query" else "rpm"
    system = platform.freedesktop_os_release() if Path("/etc/os-release").is_file() else {"ID": "linux"}
    assert first == " ".join(filter(None, ["#", kind, system["ID"], system.get("VERSION_ID", "")]))
    assert (
        lines
        == {
            "deb": ["apt 2.6.1 all", "zlib1g 1:1.2.13 amd64"],
            "rpm": ["apt 2.6.1 noarch", "zlib 1.2.11-33 x86_64"],
        }[kind]
    )
    assert packages.parse_list((tmp_path / "etc" / "packages").read_text()).kind == kind
    assert (tmp_path / "etc" / "packages").stat().st_mode & 0o777 == 0o644
    assert done.stdout == "ok: 2 packages are listed\n"


def test_a_system_without_packages_fails_the_bake(tmp_path: Path) -> None:
    (tmp_path / "dpkg-query").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "dpkg-query").chmod(0o755)
    done = subprocess.run(
        ["sh", str(IMAGE / "packages.sh")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PHOENIX_PACKAGES": str(tmp_path / "packages")},
    )
    assert done.returncode == 1 and "No package is installed" in done.stderr


def test_image_snapshot_build_instance_and_volume_carry_the_same_tags() -> None:
    for argument in ("tags", "snapshot_tags", "run_tags", "run_volume_tags"):
        assert re.search(rf"^  {argument} += var\.tags$", TEMPLATE, re.MULTILINE), argument


def test_volumes_are_encrypted_and_metadata_needs_a_token() -> None:
    assert re.search(r'variable "encrypted" \{\s+type += bool\s+default += true', TEMPLATE)
    assert re.search(r"^ +encrypted += var\.encrypted$", TEMPLATE, re.MULTILINE)
    for argument in ("http_tokens", "imds_support"):
        assert len(re.findall(rf'^ +{argument} += ("required"|"v2\.0")$', TEMPLATE, re.MULTILINE)) == 1, argument


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"instance_type": "t4g.small"},
        {"instance_type": "m7i.large"},
        {"session_manager_profile": "builder", "subnet_id": "subnet-0123456789abcdef0"},
    ],
    ids=str,
)
def test_the_template_is_valid(more: dict[str, str], tmp_path: Path) -> None:
    """As it is for the Packer that it pins, and as a rehearsal changes it for whichever there is."""
    if shutil.which("packer") is None:
        pytest.skip("packer is not installed")
    program = packer.installed()
    folder = Path(shutil.copytree(IMAGE, tmp_path / "image"))
    if program.version != packer.pinned((IMAGE / "plugins.pkr.hcl").read_text()):
        override.change(folder, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, program.version)
    variables = {
        "region": "eu-west-1",
        "source_ami": "ami-0123456789abcdef0",
        "ami_name": "phoenix-0123456789ab-1",
        "image_dir": str(IMAGE),
        "tags": {"phoenix:service": "phoenix"},
        **more,
    }
    packer.write_variables(variables, file := tmp_path / "image.pkrvars.json")
    found = subprocess.run(
        [program.program, "validate", f"-var-file={file}", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
    )
    said = found.stdout + found.stderr
    if program.version >= override.PLUGINS and found.returncode != 0 and "plugin" in said.lower() and "init" in said:
        pytest.skip("Packer has no amazon plugin here (packer init image/ gets it)")
    assert found.returncode == 0, said


def test_a_burstable_build_instance_has_unlimited_credits_and_no_other_asks_for_them() -> None:
    said = re.search(r'burstable += can\(regex\("(.+)", var\.instance_type\)\)', TEMPLATE)
    assert said is not None
    assert re.search(r"^  enable_unlimited_credits = local\.burstable$", TEMPLATE, re.MULTILINE)
    burstable = re.compile(said[1].replace("\\\\", "\\"))
    types = ["t2.micro", "t3.small", "t3a.small", "t4g.small", "m7i.large", "c7g.large", "trn1.2xlarge", "i3.large"]
    assert [one for one in types if burstable.match(one)] == types[:4]
    assert set(bake.INSTANCE_TYPES.values()) <= set(types[:4])


def test_nothing_in_the_template_is_there_for_a_rehearsal() -> None:
    for word in ("ssh_host", "ssh_port", "custom_endpoint", "private_key_file", "skip_", "Packer 1.7"):
        assert word not in TEMPLATE, word


@pytest.mark.parametrize("script", ["10-operating-system.sh"])
def test_a_system_that_the_scripts_do_not_know_is_refused_before_it_is_changed(script: str) -> None:
    text = (IMAGE / "provision" / script).read_text()
    refusal, first_change = text.index("exit 1"), text.index("apt-get update")
    assert refusal < first_change and "Choose baseImage" in text
