"""A tool that somebody types says with --help what it does, and does nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import PROJECT

TYPED = [
    "describe_configuration",
    "describe_messages",
    "describe_package",
    "draw_dependencies",
    "evidence",
    "record_packer",
    "release",
]


@pytest.mark.parametrize("name", TYPED)
def test_help_is_told_and_nothing_is_done(name: str, tmp_path: Path) -> None:
    tool = PROJECT / "tools" / f"{name}.py"
    first = tool.read_text().partition("\n")[0].removeprefix('"""')
    done = subprocess.run(
        [sys.executable, str(tool), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(PROJECT), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert first in done.stdout and "written: " not in done.stdout and list(tmp_path.iterdir()) == []
