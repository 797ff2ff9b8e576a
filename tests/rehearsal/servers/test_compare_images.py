"""Two bakes of one fingerprint: which differences count."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.servers.images.compare_images import STATED, compare_images


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "other"):
        root = tmp_path / name
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "app.conf").write_text("same")
        (root / "etc" / "hostname").write_text(f"i-{name}")
        (root / "etc" / "link").symlink_to("app.conf")
    return tmp_path / "one", tmp_path / "other"


def test_what_is_stated_may_differ_in_content_only(twins: tuple[Path, Path]) -> None:
    assert "etc/hostname" in STATED
    assert compare_images(*twins) == []
    (twins[1] / "etc" / "hostname").chmod(0o600)
    [line] = compare_images(*twins)
    assert line.startswith("etc/hostname: -rw-r--r--") and "-rw-------" in line


def test_content_mode_link_and_presence_count(twins: tuple[Path, Path]) -> None:
    one, other = twins
    (other / "etc" / "app.conf").write_text("changed")
    (other / "etc" / "link").unlink()
    (other / "etc" / "link").symlink_to("hostname")
    (one / "etc" / "mine").touch()
    (other / "etc" / "theirs").mkdir(mode=0o700)
    assert compare_images(one, other) == [
        "etc/app.conf: contents differ",
        "etc/link: contents differ",
        "etc/mine: only one has it",
        "etc/theirs: only the other has it",
    ]
