"""The locks hold what the .in files ask for, one version of each package for program, tests and deployments, hashed."""

from __future__ import annotations

import re

import pytest

from rehearsal.workshop import PROJECT

LOCKS = ["requirements", "requirements-dev", "deployments/requirements"]


def asked(name: str) -> dict[str, str]:
    """Exact versions that an .in file asks for, those of the files that it names too."""
    found: dict[str, str] = {}
    for line in (PROJECT / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            found |= asked(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            package, version = line.split("==")
            found[normal(package.split("[")[0])] = version
    return found


def locked(name: str) -> dict[str, str]:
    """Versions of a lock. Each must come with hashes: pip then refuses whatever has another one."""
    text = re.sub(r"^#.*\n", "", (PROJECT / f"{name}.txt").read_text(), flags=re.MULTILINE)
    found = {}
    for entry in re.sub(r" \\\n +", " ", text).splitlines():
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)(?: ;.*?)?((?: --hash=sha256:[0-9a-f]{64})+)", entry)
        assert match, entry
        found[normal(match[1])] = match[2]
    return found


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_is_asked_for(name: str) -> None:
    assert asked(name).items() <= locked(name).items(), "do: make lock"


@pytest.mark.parametrize("name", LOCKS)
def test_what_runs_is_what_is_tested(name: str) -> None:
    assert locked(name).items() <= locked("requirements-dev").items(), "do: make lock"


def test_the_program_needs_little() -> None:
    assert set(asked("requirements")) == {"boto3", "pulumi", "pulumi-aws", "pulumi-command"}
