"""The packages of an image, and what differs between two images. Pure.

A list is a text of sorted lines "NAME VERSION ARCHITECTURE" below a line "# deb ID VERSION" (or rpm), as
image/packages.sh writes it; one of an older version of this program has neither that line nor architectures. A name may
have several versions: the kernels of a Red Hat system, one package for two architectures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Packages = Mapping[str, tuple[str, ...]]

# Of sha256: so many that nobody makes another list with the same, and so few that an image's description has room.
DIGITS = 32
# A summary is kept in the stack's state, and must be read by people.
SUMMARY_CHARACTERS = 600


@dataclass(frozen=True, kw_only=True)
class Package:
    name: str
    version: str  # of an rpm with its epoch, if it has one: EPOCH:VERSION-RELEASE
    architecture: str = ""  # as its manager says it: amd64, x86_64, all, noarch; empty: not known


@dataclass(frozen=True, kw_only=True)
class PackageList:
    """A whole list. `kind`: deb or rpm; `system` and `release`: os-release's ID and VERSION_ID. Empty: not known."""

    packages: tuple[Package, ...]
    kind: str = ""
    system: str = ""
    release: str = ""


def parse_list(text: str) -> PackageList:
    """Raises ValueError with the first line that is not "NAME VERSION ARCHITECTURE", or when there is none at all."""
    found: list[Package] = []
    kind = system = release = ""
    for number, line in enumerate(text.splitlines()):
        match line.split(" "):
            case ["#", ("deb" | "rpm") as kind, system, *rest] if number == 0 and system and len(rest) <= 1:
                release = "".join(rest)
            case [name, version, *rest] if name not in ("", "#") and version and len(rest) <= 1 and all(rest):
                found.append(Package(name=name, version=version, architecture="".join(rest)))
            case _:
                raise ValueError(f"{line[:100]!r} is not a package and its version")
    if not found:
        raise ValueError("it is empty")
    return PackageList(packages=tuple(found), kind=kind, system=system, release=release)


def parse_packages(text: str) -> Packages:
    """The versions of each name. Raises ValueError as `parse_list` does."""
    found: dict[str, set[str]] = {}
    for package in parse_list(text).packages:
        found.setdefault(package.name, set()).add(package.version)
    return {name: tuple(sorted(versions)) for name, versions in sorted(found.items())}


def packages_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Each entry in words: `+ syslog-ng 3.38` came, `- nano 7.2` went, `~ openssl 3.0.14 -> 3.0.15` changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        return (*self.added, *self.removed, *self.changed)

    def __str__(self) -> str:
        """In one line, shortened when it is long."""
        return shortened(self.entries) if self.entries else "no package differs"


def difference(old: Packages, new: Packages) -> Difference:
    """What an image with `new` has that one with `old` has not, and the other way round."""
    return Difference(
        added=tuple(f"+ {name} {_versions(new[name])}" for name in sorted(new.keys() - old.keys())),
        removed=tuple(f"- {name} {_versions(old[name])}" for name in sorted(old.keys() - new.keys())),
        changed=tuple(
            f"~ {name} {_versions(old[name])} -> {_versions(new[name])}"
            for name in sorted(old.keys() & new.keys())
            if old[name] != new[name]
        ),
    )


def shortened(entries: Iterable[str], *, characters: int = SUMMARY_CHARACTERS) -> str:
    """Joined with commas: as many of the first as fit, and how many more there are. At least one is shown."""
    every = list(entries)
    shown = every[:1]
    for entry in every[1:]:
        if len(", ".join([*shown, entry])) > characters:
            break
        shown.append(entry)
    more = len(every) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _versions(versions: tuple[str, ...]) -> str:
    return " and ".join(versions)
