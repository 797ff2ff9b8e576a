"""Disks of real machines: layers that are shared, frozen and freed. Folders only, so it runs anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.servers.disks import Disks
from rehearsal.servers.images.metadata_layer import write_layer

VENDOR = "ami-vendor"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    return tmp_path / "base"


@pytest.fixture
def disks(tmp_path: Path, base: Path) -> Iterator[Disks]:
    made = Disks(tmp_path / "disks", {VENDOR: base})
    yield made
    made.close()


def left(tmp_path: Path, disks: Disks) -> list[str]:
    """The folders that are left once the janitor is done."""
    disks.close()
    return sorted(folder.name for folder in (tmp_path / "disks").iterdir())


def baked(disks: Disks) -> Path:
    """An image "ami-ours" with the snapshot "snap-1"; its frozen layer."""
    disk = disks.of("i-build", VENDOR)
    (disk.upper / "app").write_text("baked")
    disks.freeze(instance_id="i-build", image_id="ami-ours", snapshot_id="snap-1")
    disks.destroy("i-build")
    return disks.of("i-1", "ami-ours").layers[0]


def test_an_image_is_the_disk_as_it_was_when_it_was_frozen(disks: Disks, base: Path) -> None:
    disk = disks.of("i-build", VENDOR)
    (disk.upper / "app").write_text("baked")
    disks.freeze(instance_id="i-build", image_id="ami-ours", snapshot_id="snap-1")
    (disk.upper / "app").write_text("changed afterwards")
    server = disks.of("i-1", "ami-ours")
    assert [(folder / "app").exists() for folder in server.layers] == [True, False]
    assert (server.layers[0] / "app").read_text() == "baked"
    assert server.layers[1] == base and list(server.upper.iterdir()) == []
    assert disk.layers == server.layers, "the machine that was frozen goes on, on top of what is frozen now"


def test_servers_of_one_image_do_not_see_each_others_writes(disks: Disks) -> None:
    baked(disks)
    one, other = disks.of("i-1", "ami-ours"), disks.of("i-2", "ami-ours")
    assert one.layers == other.layers and one.upper != other.upper
    (one.upper / "note").write_text("mine")
    assert disks.of("i-1", "ami-ours") is one, "a machine that boots again has its disk"


def test_a_snapshot_is_freed_by_the_last_that_stands_on_it(disks: Disks, tmp_path: Path) -> None:
    frozen = baked(disks)
    disks.keep({"snap-1"})
    assert frozen.exists()
    disks.keep(frozenset())
    assert frozen.exists(), "a server still runs from it"
    with pytest.raises(KeyError):
        disks.of("i-late", "ami-ours")
    disks.destroy("i-1")
    assert left(tmp_path, disks) == []


def test_a_copy_shares_the_disk_and_outlives_its_original(disks: Disks, tmp_path: Path) -> None:
    frozen = baked(disks)
    disks.copy(source_id="ami-ours", image_id="ami-copy", snapshot_id="snap-2")
    disks.keep({"snap-2"})
    disks.destroy("i-1")
    assert disks.of("i-2", "ami-copy").layers[0] == frozen and (frozen / "app").read_text() == "baked"
    disks.destroy("i-2")
    disks.keep(frozenset())
    assert left(tmp_path, disks) == []
    disks.copy(source_id="ami-gone", image_id="ami-none", snapshot_id="snap-3")
    with pytest.raises(KeyError):
        disks.of("i-3", "ami-none")


def test_the_vendors_base_is_never_thrown_away(disks: Disks, base: Path, tmp_path: Path) -> None:
    disks.of("i-1", VENDOR)
    disks.destroy("i-1")
    disks.keep(frozenset())
    assert left(tmp_path, disks) == [] and base.exists()


def test_a_disk_with_a_name_that_was_used_before_is_fresh(disks: Disks) -> None:
    (disks.of("i-1", VENDOR).upper / "old").write_text("old")
    disks.destroy("i-1")
    assert list(disks.of("i-1", VENDOR).upper.iterdir()) == []


def test_user_data_and_key_come_from_the_metal_and_only_a_builder_reaches_the_archive(tmp_path: Path) -> None:
    server = write_layer(
        tmp_path / "server", instance_id="i-1", user_data="#cloud-config\n{}", public_key="", builds=False
    )
    builder = write_layer(
        tmp_path / "builder", instance_id="i-2", user_data="", public_key="ssh-rsa AAAA\n", builds=True
    )
    seed = "var/lib/cloud/seed/nocloud"
    assert (server / seed / "user-data").read_text() == "#cloud-config\n{}"
    assert json.loads((server / seed / "meta-data").read_text()) == {"instance-id": "i-1", "local-hostname": "i-1"}
    assert json.loads((builder / seed / "meta-data").read_text())["public-keys"] == ["ssh-rsa AAAA"]
    assert not (server / "etc/apt").exists() and not (server / "etc/ssh").exists()
    assert "127.0.0.1" in (builder / "etc/apt/apt.conf.d/00metal").read_text()
    modes = {path.stat().st_mode & 0o777 for path in builder.rglob("*") if path.is_dir()}
    assert modes == {0o755}, "the topmost layer says what /etc is inside"
