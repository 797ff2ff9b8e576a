"""The example of a container: what names no digest is refused before anything is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal import PROJECT

EXAMPLE = PROJECT / "examples" / "apps" / "container"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def provisioned(tmp_path: Path, image: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """How the script goes where apt-get can install nothing, and what it asked for until then."""
    app, tools, asked = tmp_path / "app", tmp_path / "bin", tmp_path / "asked"
    app.mkdir()
    tools.mkdir()
    text = (EXAMPLE / "shop.container").read_text()
    [line] = [one for one in text.splitlines() if one.startswith("Image=")]
    (app / "shop.container").write_text(text.replace(line, f"Image={image}"))
    for name in ("apt-get", "podman", "install", "rm"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{asked}\nexit 1\n')
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["sh", str(EXAMPLE / "provision.sh")],
        env={"PATH": f"{tools}:{os.environ['PATH']}", "PHOENIX_APP": str(app)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, asked.read_text().splitlines() if asked.exists() else []


@pytest.mark.parametrize(
    "image",
    [
        "",
        "registry.example.com/shop",
        "registry.example.com/shop:1.2.3",
        f"shop@{DIGEST}0",
        f"shop@{DIGEST[:-1]}",
        f"@{DIGEST}",
    ],
)
def test_an_image_without_its_digest_is_refused(tmp_path: Path, image: str) -> None:
    done, asked = provisioned(tmp_path, image)
    assert done.returncode == 1 and asked == []
    assert f"64 hex digits (a tag may be another image tomorrow): {image}" in done.stderr


def test_one_with_its_digest_is_installed(tmp_path: Path) -> None:
    done, asked = provisioned(tmp_path, f"registry.example.com/team/shop@{DIGEST}")
    assert asked == ["apt-get install podman crun ca-certificates"] and done.returncode == 1
