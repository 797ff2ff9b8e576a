"""Who mends what an image is made of: what its vendor does not promise, for whoever reads the plan. Pure."""

from __future__ import annotations

from collections.abc import Iterable

TOMCAT = (
    "Tomcat on Ubuntu is of universe: its security fixes are promised to Ubuntu Pro alone (esm-apps), which"
    " the image's scripts do not attach; Debian's go to everybody (baseImage debian-13)"
)


def notes(files: Iterable[str], base_image: str) -> tuple[str, ...]:
    """`files`: names of the image's files; an image by its id says nothing of its vendor.

    Source: documentation.ubuntu.com/security, "Expanded Security Maintenance": main is covered by the release itself,
    universe by the Apps pockets of Ubuntu Pro. packages.ubuntu.com has tomcat9 and tomcat10 in universe.
    """
    ubuntu = base_image.startswith(("ubuntu-", "/aws/service/canonical/ubuntu/"))
    installs = any(name.startswith("provision/") and "tomcat" in name for name in files)
    return (TOMCAT,) if ubuntu and installs else ()
