"""What requirements*.txt ask for is what their locks hold: one version of each package for all, with its hashes."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rehearsal import PROJECT

NAMES = ["requirements", "requirements-dev", "requirements-docs", "deployments/requirements"]


def asked(name: str) -> dict[str, str]:
    """Exact versions that a file asks for. It leads to its lock first: see the test with pip below."""
    first, *lines = (PROJECT / f"{name}.txt").read_text().splitlines()
    assert first == f"-r {Path(name).name}.lock.txt"
    found: dict[str, str] = {}
    for line in lines:
        if not line.startswith("#"):
            package, version = line.split("==")
            found[canonicalize_name(package.split("[")[0])] = version
    return found


def locked(name: str) -> dict[str, set[str]]:
    """Versions of a lock (several, where Python's own version decides). Each must come with hashes."""
    text = re.sub(r"^#.*\n", "", (PROJECT / f"{name}.lock.txt").read_text(), flags=re.MULTILINE)
    found: dict[str, set[str]] = {}
    for entry in re.sub(r" \\\n +", " ", text).splitlines():
        match = re.fullmatch(r"([\w.-]+)(?:\[.+?\])?==([^\s;]+)(?: ;.*?)?(?: --hash=sha256:[0-9a-f]{64})+", entry)
        assert match, entry
        found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_what_is_asked_for(name: str) -> None:
    lock = locked(name)
    assert {package: lock.get(package) for package in asked(name)} == {
        package: {version} for package, version in asked(name).items()
    }, "do: make lock"


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_what_its_packages_need(name: str) -> None:
    """pip refuses to install what is missing; uv would take it from the index, without a hash."""
    lock = locked(name)
    for package in lock:
        try:
            needs = metadata.requires(package) or []
        except metadata.PackageNotFoundError:  # of other systems, or of the site
            continue
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in lock, f"{package} needs {need}; do: make lock"


@pytest.mark.parametrize("name", NAMES)
def test_what_runs_is_what_is_tested(name: str) -> None:
    tested = locked("requirements-dev")
    same = {package: tested.get(package, versions) for package, versions in locked(name).items()}
    assert same == locked(name), "do: make lock"
    assert name == "requirements-docs" or locked(name).keys() <= tested.keys(), "do: make lock"


def test_the_program_needs_little() -> None:
    assert set(asked("requirements")) == {"boto3", "pulumi", "pulumi-aws", "pulumi-command", "pytest"}


def test_somebody_notices_that_there_is_a_newer_one() -> None:
    """Dependabot updates what we ask for, and fails on a file that it can't follow: only *.txt and *.in are fetched."""
    [entry] = [
        said
        for said in yaml.safe_load((PROJECT / ".github" / "dependabot.yml").read_text())["updates"]
        if said["package-ecosystem"] == "pip"
    ]
    patterns = [said["dependency-name"] for said in entry["allow"]]
    packages = {package for name in NAMES for package in asked(name)}
    assert {package for package in packages if not any(fnmatch(package, pattern) for pattern in patterns)} == set()
    assert {f"/{Path(name).parent}".rstrip(".") for name in NAMES} == set(entry["directories"])


def wheel(folder: Path, name: str, needs: str = "") -> str:
    """A package in `folder`; returns its hash as a lock has it."""
    path, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return f" --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("tool", ["pip", "uv pip"])
@pytest.mark.parametrize(("altered", "installs"), [(None, True), ("asked", False), ("brought", False)])
def test_an_installation_verifies_every_hash(tool: str, altered: str | None, installs: bool, tmp_path: Path) -> None:
    """With the plain command that Pulumi runs too. Hashes of a `--constraint` are none for pip: it would refuse."""
    lock = {"asked": wheel(tmp_path, "asked", "Requires-Dist: brought\n"), "brought": wheel(tmp_path, "brought")}
    if altered:
        lock[altered] = f" --hash=sha256:{'0' * 64}"
    (tmp_path / "x.lock.txt").write_text("".join(f"{name}==1.0{hashes}\n" for name, hashes in lock.items()))
    (tmp_path / "x.txt").write_text("-r x.lock.txt\n# As ours are.\nasked==1.0\n")
    options = ["--no-index", "--find-links", ".", "--no-cache-dir", "--target", "there", "-r", "x.txt"]
    done = subprocess.run(
        [sys.executable, "-m", *tool.split(), "install", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode == 0) is installs, done.stderr
    assert (tmp_path / "there" / "brought.py").exists() is installs
    if not installs:
        assert "hash" in done.stderr.lower()
