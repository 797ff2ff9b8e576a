"""What `make pulumi` installs is what git says, and nothing of another archive ever runs."""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

from rehearsal import PROJECT
from tools import install_pulumi

HERE = install_pulumi.here()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, and a server of releases: archives of a CLI that records how it was called."""
    releases = tmp_path / "releases"
    monkeypatch.setattr(install_pulumi, "RELEASES", releases.as_uri())
    monkeypatch.setattr(install_pulumi, "FOLDER", tmp_path / "project" / ".pulumi")
    monkeypatch.setattr(install_pulumi, "CHECKSUMS", tmp_path / "project" / "checksums.txt")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "checksums.txt").write_text("# what they are\n")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    # As the CLI does: a plugin has a folder of its own.
    script = (
        f'#!/bin/sh\nmkdir -p "$PULUMI_HOME/plugins/$3-$4-v$5"\necho "$*" >> {shlex.quote(str(tmp_path / "calls"))}\n'
    )
    for on in install_pulumi.PLATFORMS:
        for archive in install_pulumi.archives(on):
            file = releases / archive.url.removeprefix(f"{releases.as_uri()}/")
            file.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(file, "w:gz") as writing:
                for name in ("pulumi/pulumi", "pulumi/../../pulumi-language-python"):
                    member = tarfile.TarInfo(name)
                    member.size = len(script)
                    writing.addfile(member, io.BytesIO(script.encode()))
    return tmp_path


def calls(made: Path) -> list[str]:
    return (made / "calls").read_text().splitlines() if (made / "calls").exists() else []


def archive(made: Path, name: str) -> Path:
    [found] = (made / "releases").rglob(name)
    return found


def test_what_git_knows_is_verified_before_it_runs(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install_pulumi.main(["--record"]) == 0
    assert calls(made) == [], "whoever records runs nothing"
    assert install_pulumi.main([]) == 0
    folder = made / "project" / ".pulumi"
    assert {file.name for file in (folder / "bin").iterdir()} == {"pulumi", "pulumi-language-python"}
    assert calls(made) == [
        f"plugin install resource {provider} {version(f'pulumi-{provider}')} --reinstall --file "
        f"{folder / install_pulumi.plugin(provider, HERE).name}"
        for provider in ("aws", "command")
    ]
    said = capsys.readouterr()
    assert said.err == "" and f'export PATH="{folder / "bin"}:$PATH"' in said.out
    assert not list(folder.glob("*.tar.gz"))


@pytest.mark.parametrize("of", ["cli", "aws", "command"])
def test_an_archive_that_was_exchanged_is_refused_and_nothing_of_it_runs(
    of: str, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_pulumi.main(["--record"])
    name = (install_pulumi.cli(HERE) if of == "cli" else install_pulumi.plugin(of, HERE)).name
    with archive(made, name).open("ab") as writing:
        writing.write(b"more")
    assert install_pulumi.main([]) == 1
    assert f"{name} is not what tools/checksums.txt says; nothing of it was run" in capsys.readouterr().err
    assert not any(name in call for call in calls(made)), "no plugin of it"
    assert (made / "project" / ".pulumi" / "bin" / "pulumi").exists() is (of != "cli"), "and no CLI"
    assert not list((made / "project" / ".pulumi").glob("*.tar.gz"))


def test_the_one_that_is_there_is_kept_until_git_says_another(made: Path) -> None:
    install_pulumi.main(["--record"])
    assert install_pulumi.main([]) == 0
    for one in install_pulumi.archives(HERE):
        archive(made, one.name).unlink()
    assert install_pulumi.main([]) == 0, "nothing is downloaded again"
    assert len(calls(made)) == 2
    checksums = made / "project" / "checksums.txt"
    checksums.write_text(re.sub(r"^[0-9a-f]{64}", "0" * 64, checksums.read_text(), flags=re.MULTILINE))
    assert install_pulumi.main([]) == 1


def test_what_git_does_not_know_is_told_with_what_it_is(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install_pulumi.main([]) == 0
    said = capsys.readouterr().err
    found = hashlib.sha256(archive(made, install_pulumi.cli(HERE).name).read_bytes()).hexdigest()
    assert f"does not know {install_pulumi.cli(HERE).name}; it is not verified (sha256 {found})" in said
    assert said.count("is not verified") == 3 and "make pulumi-checksums" in said


def test_a_plugin_that_the_cli_does_not_take_is_told(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install_pulumi.main([]) == 0
    (made / "project" / ".pulumi" / "bin" / "pulumi").write_text("#!/bin/sh\nexit 1\n")
    (made / "home" / "plugins" / f"resource-aws-v{version('pulumi-aws')}").rmdir()
    assert install_pulumi.main([]) == 1
    said = capsys.readouterr().err
    assert f"could not install the plugin {install_pulumi.plugin('aws', HERE).name}; its words are above" in said


def test_without_a_network_it_says_what_to_do(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_pulumi, "RELEASES", (made / "nowhere").as_uri())
    assert install_pulumi.main([]) == 1
    said = capsys.readouterr().err
    assert "Pulumi could not be installed" in said and "run `make pulumi` again" in said


def test_a_machine_without_archives_is_told(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert install_pulumi.main([]) == 1
    assert "There is no Pulumi for" in capsys.readouterr().err


def test_the_file_in_git_is_of_the_pinned_versions_or_of_none() -> None:
    """A version that is changed without its checksums would be installed unverified, and nobody would notice."""
    known = install_pulumi.recorded(PROJECT / "tools" / "checksums.txt")
    assert set(known) in (
        set(),
        {one.name for on in install_pulumi.PLATFORMS for one in install_pulumi.archives(on)},
    ), "do: make pulumi-checksums"
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in known.values())
