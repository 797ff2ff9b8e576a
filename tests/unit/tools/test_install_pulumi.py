"""What `make pulumi` says, when the CLI can be had and when it can't."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from rehearsal import PROJECT
from tests.support.standins import Bench


def install(monkeypatch: pytest.MonkeyPatch, installer: Any) -> int:
    monkeypatch.setattr(PulumiCommand, "install", installer)
    main = runpy.run_path(str(PROJECT / "tools" / "install_pulumi.py"))["main"]
    return int(main())


def test_the_cli_is_installed_into_the_project_with_its_plugins_and_its_path_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[str] = []
    bench = Bench(tmp_path)
    bench.stand_in("pulumi")

    def installer(root: str) -> Any:
        asked.append(root)
        return SimpleNamespace(command=str(bench.bin / "pulumi"), version="3.272.0")

    assert install(monkeypatch, installer) == 0
    assert asked == [str(PROJECT / ".pulumi")]
    assert bench.calls == ["pulumi install --no-dependencies"]
    assert f'export PATH="{PROJECT / ".pulumi"}/bin:$PATH"' in capsys.readouterr().out


def test_plugins_that_can_not_be_had_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bench = Bench(tmp_path)
    bench.stand_in("pulumi", "exit 1")
    command = SimpleNamespace(command=str(bench.bin / "pulumi"), version="3.272.0")
    assert install(monkeypatch, lambda root: command) == 1
    assert "plugins could not be installed" in capsys.readouterr().err


def test_without_a_network_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def installer(root: str) -> Any:
        raise OSError("Name or service not known")

    assert install(monkeypatch, installer) == 1
    said = capsys.readouterr().err
    assert "Name or service not known" in said
    assert "run `make pulumi` again" in said
