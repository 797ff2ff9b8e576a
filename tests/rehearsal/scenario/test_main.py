"""What `make rehearsal` and `make cloud` say when they can't go on."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal import PROJECT
from rehearsal import __main__ as main
from rehearsal.scenario.scenario import ScenarioError


def test_a_port_that_is_in_use_is_told_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "rehearsal", "cloud", "--machines", "processes", "--port", str(port)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port} of this machine is in use" in done.stdout
    assert 'Do: make cloud REHEARSAL="--port ' in done.stdout
    assert done.stderr == ""


def test_a_failed_run_names_a_log_that_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def cloud(*_: object) -> Iterator[tuple[Path, None]]:
        (tmp_path / "work").mkdir()
        yield tmp_path / "work", None
        shutil.rmtree(tmp_path / "work")

    def bake(workdir: Path, *_: object, **__: object) -> None:
        log = workdir / "project" / ".packer" / "phoenix-1.log"
        log.parent.mkdir(parents=True)
        log.write_text("E: Unable to locate package")
        raise ScenarioError(f"`up` failed: do: read {log}; mend the scripts")

    monkeypatch.setattr(main, "open_cloud", cloud)
    monkeypatch.setattr(main, "run_scenario", bake)
    assert main.main(["--stand-in", "--report", str(tmp_path / "report")]) == 1
    [named] = re.findall(r"read (\S+);", capsys.readouterr().out)
    assert Path(named).read_text() == "E: Unable to locate package"
