"""Who mends what an image is made of: what its vendor does not promise, for whoever reads the plan. Pure."""

from __future__ import annotations

import re

from core.fingerprint import Files

TOMCAT = (
    "Tomcat on Ubuntu is of universe: its security fixes are promised to Ubuntu Pro alone (esm-apps), which"
    " the image's scripts do not attach; Debian's go to everybody (baseImage debian-13)"
)


def notes(files: Files, base_image: str) -> tuple[str, ...]:
    """`files`: the image's; an image by its id says nothing of its vendor.

    Source: documentation.ubuntu.com/security, "Expanded Security Maintenance": main is covered by the release itself,
    universe by the Apps pockets of Ubuntu Pro. packages.ubuntu.com has tomcat9 and tomcat10 in universe.
    """
    ubuntu = base_image.startswith(("ubuntu-", "/aws/service/canonical/ubuntu/"))
    installs = any(
        re.search(rb"\btomcat(9|10)\b", content)
        for name, (_, content) in files.items()
        if name.startswith("provision/") or name == "app/provision.sh"
    )
    return (TOMCAT,) if ubuntu and installs else ()
