"""What a base image lacks that the scripts rely on: fixes, or their tools. For whoever reads the plan. Pure."""

from __future__ import annotations

import re

from core.fingerprint import Files

TOMCAT = (
    "Tomcat on Ubuntu is of universe: its security fixes are promised to Ubuntu Pro alone (esm-apps), which"
    " the image's scripts do not attach; Debian's go to everybody (baseImage debian-13)"
)

APT = (
    "{script} calls apt-get, which Amazon Linux does not have: unless it finds out where it runs, the bake will fail;"
    " the scripts here are for Debian and Ubuntu (baseImage debian-13)"
)


def notes(files: Files, base_image: str) -> tuple[str, ...]:
    """`files`: the image's; an image by its id says nothing of its vendor.

    Source: documentation.ubuntu.com/security, "Expanded Security Maintenance": main is covered by the release itself,
    universe by the Apps pockets of Ubuntu Pro. packages.ubuntu.com has tomcat9 and tomcat10 in universe.
    """
    scripts = {
        name: content
        for name, (_, content) in sorted(files.items())
        if name.startswith("provision/") or name == "app/provision.sh"
    }
    found = []
    if base_image.startswith(("ubuntu-", "/aws/service/canonical/ubuntu/")):
        found += [TOMCAT for content in scripts.values() if re.search(rb"\btomcat(9|10)\b", content)][:1]
    if base_image.startswith(("al2023", "/aws/service/ami-amazon-linux-latest/")):
        callers = [name for name, content in scripts.items() if re.search(rb"^[^#\n]*\bapt-get\b", content, re.M)]
        found += [APT.format(script=name) for name in callers[:1]]
    return tuple(found)
