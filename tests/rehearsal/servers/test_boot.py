"""What a machine gets of this host: no device in any case, and no user where the kernel can do that."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from rehearsal.servers.container import idmap
from rehearsal.servers.container.boot import boot_command
from rehearsal.servers.images.base_images import IMAGES
from rehearsal.servers.nspawn import NspawnMachines
from rehearsal.servers.runs import Run

FIRST, LAST = 524288, 1879048191
"""systemd's own range for users of containers (docs/UIDS-GIDS.md of systemd)."""


def test_users_of_machines_are_nobody_on_this_host() -> None:
    firsts = {idmap.first_user(f"i-{number:017x}") for number in range(500)}
    assert len(firsts) > 480, "two machines hardly ever have the same"
    for first in firsts:
        assert first % idmap.COUNT == 0 and first >= FIRST and first + idmap.COUNT - 1 <= LAST
    assert idmap.first_user("i-1") == idmap.first_user("i-1"), "a machine that starts again has its own disk"


@pytest.mark.parametrize("first_user", [0, 524288])
def test_no_machine_makes_devices_and_users_are_its_own_where_the_kernel_can_do_that(first_user: int) -> None:
    command = boot_command("i-1", "/root/of/it", first_user=first_user)
    [dropped] = [one.partition("=")[2].split(",") for one in command if one.startswith("--drop-capability=")]
    assert "CAP_MKNOD" in dropped and "--private-network" in command
    assert ("--private-users=524288:65536" in command) is bool(first_user)
    assert not any(one.startswith("--capability") for one in command)


@pytest.mark.skipif(platform.system() != "Linux" or os.getuid() != 0, reason="only root on Linux mounts")
def test_a_file_system_that_can_not_be_shown_to_others_says_why() -> None:
    assert idmap.refusal(Path("/proc")) != "", "where nothing can be made"


@pytest.mark.parametrize("why_not", ["", "Operation not permitted"])
def test_a_rehearsal_says_where_root_of_its_machines_is_root_here(
    why_not: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idmap, "refusal", lambda folder: why_not)
    with Run(tmp_path) as run:
        machines = NspawnMachines(run, image=IMAGES[0], base=tmp_path, archive=tmp_path / "archive")
        try:
            assert machines.own_users is not bool(why_not)
            assert (machines.first_user("i-1") == 0) is bool(why_not)
            assert ("whose root is this host's" in machines.kind) is bool(why_not)
            assert why_not in machines.kind
        finally:
            machines.close()
