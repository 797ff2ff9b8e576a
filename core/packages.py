"""The packages of an image, and what differs between two images. Pure.

A list is a text of sorted lines "NAME VERSION", as image/packages.sh writes it. A name may have several versions: the
kernels of a Red Hat system, one package for two architectures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Packages = Mapping[str, tuple[str, ...]]

# Of sha256: they tell lists apart, and are no proof against somebody who forges one.
DIGITS = 12
# A summary is kept in the stack's state, and must be read by people.
SUMMARY_CHARACTERS = 600


def parse_packages(text: str) -> Packages:
    """Raises ValueError with the first line that is not "NAME VERSION", or when there is none at all."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        match line.split(" "):
            case [name, version] if name and version:
                found.setdefault(name, set()).add(version)
            case _:
                raise ValueError(f"{line[:100]!r} is not a package and its version")
    if not found:
        raise ValueError("it is empty")
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
