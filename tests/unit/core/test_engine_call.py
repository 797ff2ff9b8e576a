"""Which operation of the engine a process works for is read off the command lines of its ancestors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.engine_call import Call, nearest, parsed

SELF = "from core import engine_call; print(engine_call.read_engine_call())"


@pytest.mark.parametrize(
    ("words", "operation"),
    [
        (["pulumi", "up", "--yes"], "up"),
        (["/usr/local/bin/pulumi", "update"], "up"),
        (["pulumi", "-C", "shop", "--color=never", "-v", "3", "destroy"], "destroy"),
        (["pulumi", "--non-interactive", "dn", "--target", "URN"], "destroy"),
        (["C:\\tools\\pulumi.exe", "up"], None),  # another system's path is a word of its own here
        (["node", "/opt/pulumi", "preview"], "preview"),
        (["python", "-m", "rehearsal.engine.standin", "pulumi", "destroy", "--stack", "dev"], "destroy"),
        (["sh", "-c", "pulumi up --yes"], None),
        (["pulumi-resource-command", "127.0.0.1:1"], None),
        (["pulumi-language-python", "up"], None),
        (["python", "/opt/pulumi-language-python-exec", "--project", "pulumi", "--pwd", "/srv/pulumi", "main"], None),
        (["pulumi"], None),
    ],
)
def test_an_operation_is_found_by_its_first_name(words: list[str], operation: str | None) -> None:
    found = parsed(words)
    assert (found.operation if found else None) == operation


def test_the_nearest_engine_counts() -> None:
    lines = [["sh", "steps/run"], ["pulumi-resource-command"], ["pulumi", "destroy"], ["make"], ["pulumi", "up"]]
    assert nearest(lines) == Call(operation="destroy")
    assert nearest([["python", "-m", "steps.cleanup.retire"], ["bash"]]) is None


def test_flags_are_read_in_both_spellings() -> None:
    call = parsed(["pulumi", "up", "--target", "one", "--target=two", "--yes", "--plan=file"])
    assert call is not None
    assert call.values("--target") == ("one", "two")
    assert call.has("--plan")
    assert not call.has("--replace", "--target-replace")


@pytest.mark.skipif(sys.platform == "win32", reason="steps run by sh")
def test_a_process_finds_its_own_engine() -> None:
    """Behind a plugin and a shell, as steps are run."""
    engine = [
        sys.executable,
        "-c",
        "import subprocess, sys; subprocess.run(['sh', '-c', sys.argv[-1] + '; exit $?'])",
        "pulumi",
        "destroy",
        "--yes",
        f'"{sys.executable}" -c "{SELF}"',
    ]
    done = subprocess.run(engine, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Call(operation='destroy', arguments=('--yes',")
