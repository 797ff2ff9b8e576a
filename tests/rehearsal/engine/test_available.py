"""Which engine a rehearsal takes, what it asks and never asks, and that reports say which engine and plugin ran."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rehearsal import PROJECT
from rehearsal.engine import available, tools
from rehearsal.engine.available import EngineError
from rehearsal.scenario import page
from rehearsal.scenario.record import REAL_ENGINE, STAND_IN, read
from rehearsal.scenario.report import Report
from tests.rehearsal.scenario.sample_run import RAN, report, timeline


def program(file: Path, text: str = "#!/bin/sh\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


class Host:
    """A host without `pulumi`, on a terminal and with a network, as far as the choice sees."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.asked, self.said = folder, [], []  # type: tuple[Path, list[str], list[str]]
        self.patch = patch
        patch.setenv("PATH", str(folder / "bin"))
        patch.setattr(available, "INSTALLED", folder / "installed")
        patch.setattr(available, "is_reachable", lambda: True)
        patch.setattr(available, "install", self._fetched)
        self.terminal(True)
        self.can_be_had = True

    def terminal(self, there: bool) -> None:
        self.patch.setattr(available, "is_terminal", lambda: there)

    def _fetched(self) -> bool:
        if self.can_be_had:
            program(self.folder / "installed" / "pulumi")
        return self.can_be_had

    def choose(self, answer: str | None = None, *, stand_in: bool = False) -> available.Available:
        def asked(question: str) -> str:
            self.asked.append(question)
            assert answer is not None, f"nobody was to be asked: {question}"
            if answer == "EOF":
                raise EOFError
            return answer

        return available.choose(stand_in=stand_in, say=self.said.append, asked=asked)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    with monkeypatch.context() as patch:
        yield Host(tmp_path, patch)


def test_what_is_on_path_or_in_the_project_is_taken_unasked(host: Host) -> None:
    inside = program(host.folder / "installed" / "pulumi")
    assert host.choose().pulumi == inside
    assert os.environ["PATH"].endswith(str(inside.parent)), "its steps and plugins are found beside it"
    outside = program(host.folder / "bin" / "pulumi")
    assert host.choose().pulumi == outside


def test_on_a_terminal_it_offers_and_gets_the_pinned_one(host: Host) -> None:
    assert host.choose("").pulumi == host.folder / "installed" / "pulumi"
    assert f"Get the pinned {version('pulumi')}" in host.asked[0]
    assert host.said and ".pulumi/" in host.said[0]


@pytest.mark.parametrize("answer", ["n", "No", "what", "EOF"])
def test_declined_is_the_stand_in_and_nothing_is_fetched(host: Host, answer: str) -> None:
    taken = host.choose(answer)
    assert taken.pulumi is None
    assert "declined; the real one: make pulumi" in taken.why
    assert not (host.folder / "installed").exists()


def test_stand_in_declines_whatever_is_there(host: Host) -> None:
    program(host.folder / "bin" / "pulumi")
    assert host.choose(stand_in=True) == available.Available(pulumi=None, why="asked for with --stand-in")


def test_without_a_network_nobody_is_asked(host: Host) -> None:
    host.patch.setattr(available, "is_reachable", lambda: False)
    assert "https://get.pulumi.com does not answer; with a network: make pulumi" in host.choose().why


def test_what_could_not_be_had_is_the_stand_in(host: Host) -> None:
    host.can_be_had = False
    assert "could not be had (see above)" in host.choose("y").why


def test_demanded_nothing_but_pulumis_own_program_and_plugin_will_do(host: Host) -> None:
    with pytest.raises(EngineError, match="--real-engine: asked for with --stand-in"):
        available.require_real_engine(host.choose(stand_in=True))
    program(host.folder / "bin" / "pulumi")
    plugin = program(host.folder / "bin" / tools.PROGRAM)
    with pytest.raises(EngineError, match=r"would be a stand-in \(script\), not .*\nDo: take pulumi-resource-aws off"):
        available.require_real_engine(host.choose())
    plugin.unlink()
    available.require_real_engine(host.choose())


def test_without_a_terminal_it_never_asks_and_says_what_would_make_it_real(host: Host) -> None:
    host.terminal(False)
    host.patch.setattr(available, "is_reachable", lambda: pytest.fail("nobody is asked, so nothing is looked up"))
    assert host.choose().why.endswith("the real one: make pulumi, and run this again")


def test_a_pipeline_whose_stdin_stays_open_never_hangs(tmp_path: Path) -> None:
    """As `make rehearsal` in a job: stdin is a pipe that nobody writes to, and nobody closes."""
    code = (
        "from rehearsal.engine import available; from pathlib import Path; available.INSTALLED = Path('nowhere');"
        "print(available.choose(stand_in=False, say=print))"
    )
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env={**os.environ, "PATH": str(tmp_path)},
            stdin=reading,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert "the real one: make pulumi" in done.stdout


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("bin", "#!/bin/sh\n", "a stand-in (script)"),
        ("bin", "\x7fELF", "one on PATH, whose version Pulumi did not choose"),
        ("home/plugins/resource-aws-v{}", "#!/bin/sh\n", "a stand-in (script)"),
        ("home/plugins/resource-aws-v{}", "\x7fELF", "{}"),
    ],
)
def test_the_aws_plugin_is_told_and_a_script_is_never_taken_for_it(
    tmp_path: Path, path: str, text: str, said: str
) -> None:
    pinned = version("pulumi-aws")
    program(tmp_path / path.format(pinned) / tools.PROGRAM, text)
    environment = {"PATH": str(tmp_path / "bin"), "PULUMI_HOME": str(tmp_path / "home")}
    assert tools.aws_plugin(environment) == said.format(pinned)


def test_where_pulumi_ignores_what_is_on_path_so_does_the_report(tmp_path: Path) -> None:
    program(tmp_path / "bin" / tools.PROGRAM)
    assert tools.aws_plugin(
        {"PATH": str(tmp_path / "bin"), "PULUMI_HOME": str(tmp_path), "PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    ) == version("pulumi-aws")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo Packer v1.16.0", "1.16.0"),
        ("echo Packer v1.14.0; echo This is the rehearsal\\'s stand-in for Packer", "a stand-in for it"),
        ("exit 1", "a stand-in for it"),
        ("", "none"),
    ],
)
def test_the_packer_is_told(tmp_path: Path, script: str, said: str) -> None:
    if script:
        program(tmp_path / "packer", f"#!/bin/sh\n{script}\n")
    assert tools.packer({"PATH": str(tmp_path)}).startswith(said)


def test_console_page_and_files_say_which_engine_and_which_plugin_ran(tmp_path: Path) -> None:
    words = "rehearsal on pulumi 3.260.0 with AWS plugin 7.51.1, servers are processes"
    ran = report(engine="pulumi 3.260.0")
    console = Console(file=io.StringIO(), width=200)
    console.print(ran.table())
    assert words in console.file.getvalue()  # type: ignore[attr-defined]
    assert words in page.html(ran, replace(timeline(), title=ran.title), "<svg></svg>")
    written: Any = json.loads(ran.write(tmp_path).read_text())
    assert (written["engine"], written["aws_plugin"], written["packer"]) == ("pulumi 3.260.0", "7.51.1", "1.16.0")
    assert read(tmp_path / "record.json").place == REAL_ENGINE


def test_a_stage_counts_as_seen_only_when_everything_held(tmp_path: Path) -> None:
    def written(made: Report) -> Any:
        made.write(tmp_path)
        return read(tmp_path / "record.json")

    assert written(report()).place == STAND_IN
    assert written(report()).held == ("birth of blue", "flip to green", "green serves")
    assert written(report()).figures == {"requests": 101, "failed": 1, "flip_seconds": 9.5}
    assert written(report(["2: early"])).held == ()


def test_a_report_of_a_real_account_says_where_and_when() -> None:
    ran = replace(RAN, name="drill", region="eu-central-1", account="111122223333")
    assert report(engine="pulumi 3.260.0", ran=ran).title == (
        "drill on pulumi 3.260.0 with AWS plugin 7.51.1 in eu-central-1 of account 111122223333, 2026-11-27, "
        "servers are processes"
    )
