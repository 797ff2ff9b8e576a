"""What the rehearsal adds to a Packer template, so that Packer finds a cloud and a build machine on this host.

A source in HCL can be overridden by nothing that stands beside it: no second file, variable or option sets an argument
that the template does not ask a variable for. So this stands before the real Packer on PATH. It changes the copy of the
template that a bake has made for Packer alone (`steps/image/upload.py`, stage), and then becomes the real Packer.

That may be Debian's, which is older than plugins (1.7) and than the one that the template pins: what it does not know
is left out then. On AWS itself none of this is there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from steps.image import packer

OVERRIDE_FOLDER = Path(__file__).resolve().parent / "override_bin"
SSH_PORT = "PACKER_REHEARSAL_SSH_PORT"
"""The variable with the port of this host's loopback behind which the build machine's SSH server is."""
SOURCE = re.compile(r'^source "amazon-ebs" "\w+" \{\n', re.MULTILINE)
ADDED = """\
  # Added by the rehearsal: its cloud and its build machine are on this host, and nothing takes minutes.
  custom_endpoint_ec2                   = "{endpoint}"
  skip_credential_validation            = true
  skip_region_validation                = true
  skip_metadata_api_check               = true
  ssh_host                              = "127.0.0.1"
  ssh_port                              = {port}
  temporary_security_group_source_cidrs = ["127.0.0.1/32"]
  aws_polling {{
    delay_seconds = 1
    max_attempts  = 1500
  }}
"""
ASKS_ELSEWHERE = ("temporary_security_group_source_public_ip",)
"""Would ask a server of AWS on the internet which address this host is seen from."""
UNKNOWN_BEFORE_PLUGINS = ("enable_unlimited_credits", "imds_support", "metadata_options", "temporary_key_pair_type")
PLUGINS = (1, 7)


def changed(template: str, *, endpoint: str, port: str, plugins: bool) -> str:
    """The template for a cloud and a build machine on this host. Raises ValueError when it has no such source."""
    found = SOURCE.search(template)
    if found is None:
        raise ValueError("there is no source of amazon-ebs in the template")
    added = ADDED.format(endpoint=endpoint, port=port)
    names = {
        *re.findall(r"^  (\w+) ", added, re.MULTILINE),
        *ASKS_ELSEWHERE,
        *(() if plugins else UNKNOWN_BEFORE_PLUGINS),
    }
    head, body = template[: found.end()], template[found.end() :]
    end = body.index("\n}\n")
    return head + added + without(body[:end], names) + body[end:]


def without(source: str, names: Iterable[str]) -> str:
    """A source without these arguments (each on a line) and blocks, as `packer fmt` writes them."""
    any_of = "|".join(sorted(names))
    return re.sub(rf"^  (?:{any_of}) +(?:=.*\n|\{{\n(?:    .*\n)*  \}}\n)", "", source + "\n", flags=re.MULTILINE)


def change(folder: Path, environment: Mapping[str, str], version: tuple[int, ...]) -> None:
    """Changes the templates of a folder, for good. Does nothing the second time."""
    endpoint = environment.get("AWS_ENDPOINT_URL_EC2") or environment["AWS_ENDPOINT_URL"]
    plugins = version >= PLUGINS
    for file in folder.glob("*.pkr.hcl"):
        text = file.read_text(encoding="utf-8")
        if "required_plugins" in text:
            # An older one refuses the block as a whole.
            text = re.sub(r"^ *required_version *=.*\n", "", text, flags=re.MULTILINE) if plugins else ""
        elif SOURCE.search(text) and ADDED.splitlines()[0] not in text:
            text = changed(text, endpoint=endpoint, port=environment.get(SSH_PORT, "22"), plugins=plugins)
        file.write_text(text, encoding="utf-8")


def real_packer() -> tuple[str, tuple[int, ...]]:
    """The program that this stands before on PATH, and its version. Raises SystemExit when there is none."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    others = os.pathsep.join(folder for folder in path if Path(folder).resolve() != OVERRIDE_FOLDER)
    program = shutil.which("packer", path=others)
    if program is None:
        raise SystemExit("There is no Packer on PATH behind the rehearsal's.\nDo: make setup-machines")
    said = subprocess.run([program, "version"], capture_output=True, text=True, errors="replace", check=False).stdout
    version = packer.parsed_version(said)
    if version is None:
        raise SystemExit(f"{program} does not say that it is Packer.")
    return program, version


def main(arguments: Sequence[str]) -> None:
    """Returns only where there is nothing for the real Packer to do."""
    program, version = real_packer()
    command, folder = arguments[0], Path(arguments[-1])
    if command == "version":
        # To the bake it is the pinned one; `change` sees to what differs.
        print(
            f"Packer v{packer.dotted(pinned() or version)}\nThe rehearsal stands before {program}, which is Packer "
            f"{packer.dotted(version)}."
        )
        return
    if folder.is_dir():
        change(folder, os.environ, version)
    print(f"The rehearsal's way to {program}, which is Packer {packer.dotted(version)}.", flush=True)
    if command != "init" or version >= PLUGINS:  # the builders of an older one are inside
        os.execv(program, [program, *arguments])


def pinned() -> tuple[int, ...] | None:
    """The Packer that the project's own template pins."""
    folder = Path(__file__).resolve().parents[3] / "image"
    return packer.pinned("\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.pkr.hcl"))))


if __name__ == "__main__":
    main(sys.argv[1:])
